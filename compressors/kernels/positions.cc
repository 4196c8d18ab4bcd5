#include "compressors/kernels/positions.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compressors/kernels/positions.cc"
#include <hwy/foreach_target.h>

#include <cstring>

#include "compressors/kernels/positions-inl.h"

HWY_BEFORE_NAMESPACE();
namespace laconic::kernels::HWY_NAMESPACE {

std::size_t positions_of_ones(const std::uint64_t* words, std::size_t n, std::uint32_t base,
                              std::uint32_t* out) {
  const std::uint32_t* begin = out;
  for (std::size_t w = 0; w < n; ++w)
    out = append_positions(words[w], base + static_cast<std::uint32_t>(64 * w), out);
  return static_cast<std::size_t>(out - begin);
}

Found find_ones(const std::byte* words, std::size_t n, std::size_t wanted, std::uint32_t base,
                std::uint32_t* out) {
  const std::uint32_t* const begin = out;
  const std::uint32_t* const end = out + wanted;
  std::size_t w = 0;
  for (; w < n && out < end; ++w) {
    std::uint64_t word;
    std::memcpy(&word, words + 8 * w, sizeof word);
    out = append_positions(word, base + static_cast<std::uint32_t>(64 * w), out);
  }
  return {w, static_cast<std::size_t>(out - begin)};
}

}  // namespace laconic::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace laconic::kernels {

HWY_EXPORT(positions_of_ones);
HWY_EXPORT(find_ones);

std::size_t positions_of_ones(std::span<const std::uint64_t> words, std::uint32_t base,
                              std::uint32_t* out) {
  return HWY_DYNAMIC_DISPATCH(positions_of_ones)(words.data(), words.size(), base, out);
}

Found find_ones(const std::byte* words, std::size_t n, std::size_t wanted, std::uint32_t base,
                std::uint32_t* out) {
  return HWY_DYNAMIC_DISPATCH(find_ones)(words, n, wanted, base, out);
}

}  // namespace laconic::kernels
#endif  // HWY_ONCE
