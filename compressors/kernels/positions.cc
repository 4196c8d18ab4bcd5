#include "compressors/kernels/positions.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compressors/kernels/positions.cc"
#include <hwy/foreach_target.h>

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

}  // namespace laconic::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace laconic::kernels {

HWY_EXPORT(positions_of_ones);

std::size_t positions_of_ones(std::span<const std::uint64_t> words, std::uint32_t base,
                              std::uint32_t* out) {
  return HWY_DYNAMIC_DISPATCH(positions_of_ones)(words.data(), words.size(), base, out);
}

}  // namespace laconic::kernels
#endif  // HWY_ONCE
