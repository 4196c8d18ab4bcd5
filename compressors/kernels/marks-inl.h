// Numbers become ones in a bitmap, and the ones a list in order: how random numbers are sorted.
//
// For inclusion in files that Highway compiles once per target; hence no ordinary include guard.
#if defined(LACONIC_KERNELS_MARKS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LACONIC_KERNELS_MARKS_INL_H_
#undef LACONIC_KERNELS_MARKS_INL_H_
#else
#define LACONIC_KERNELS_MARKS_INL_H_
#endif

#include <hwy/highway.h>

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include "compressors/kernels/positions-inl.h"

HWY_BEFORE_NAMESPACE();
namespace laconic::kernels::HWY_NAMESPACE {

HWY_INLINE std::size_t count_ones(const std::uint64_t* words, std::size_t n) {
  std::size_t ones = 0;
  for (std::size_t w = 0; w < n; ++w) ones += static_cast<std::size_t>(std::popcount(words[w]));
  return ones;
}

/// Ones where the lower bits of numbers say, those of `mask`.
HWY_INLINE void mark(std::span<const std::uint16_t> numbers, std::uint32_t mask,
                     std::uint64_t* marks) {
  for (const std::uint16_t number : numbers) {
    const std::uint32_t at = number & mask;
    marks[at / 64] |= std::uint64_t{1} << at % 64;
  }
}

/// The same; a flag in a byte tells of each word whether it has any.
HWY_INLINE void mark(std::span<const std::uint16_t> numbers, std::uint32_t mask,
                     std::uint64_t* marks, std::uint8_t* flags) {
  for (const std::uint16_t number : numbers) {
    const std::uint32_t at = number & mask;
    marks[at / 64] |= std::uint64_t{1} << at % 64;
    flags[at / 64] = 1;
  }
}

/// base + the lowest one of `left`, which is then gone; a number of no meaning if there is none.
HWY_INLINE std::uint32_t take_one(std::uint32_t base, std::uint64_t& left) {
#if HWY_TARGET == HWY_SCALAR
  const auto bit = static_cast<std::uint32_t>(std::countr_zero(left));
#else
  const auto bit = static_cast<std::uint32_t>(_tzcnt_u64(left));
#endif
  left &= left - 1;
  return base + bit;
}

/// append_positions in the way that suits words with seldom more than kAtOnce ones: so many are
/// taken without asking whether they are there, since guessing wrong costs more.
template <std::size_t kAtOnce>
HWY_INLINE std::uint32_t* append_at_once(std::uint64_t word, std::uint32_t base,
                                         std::uint32_t* out) {
  const auto ones = static_cast<std::size_t>(std::popcount(word));
  for (std::size_t i = 0; i < kAtOnce; ++i) out[i] = take_one(base, word);
  for (std::size_t i = kAtOnce; i < ones; ++i) out[i] = take_one(base, word);
  return out + ones;
}

HWY_INLINE std::uint32_t* append_any(std::uint64_t word, std::uint32_t base, std::uint32_t* out) {
#if HWY_TARGET <= HWY_AVX3_DL || HWY_TARGET == HWY_SCALAR
  return append_positions(word, base, out);
#else
  return append_many(word, base, out);
#endif
}

/// As list; kAtOnce = 0: words may have any number of ones.
template <std::size_t kAtOnce>
HWY_INLINE std::uint32_t* list_at_once(const std::uint64_t* words, std::size_t n,
                                       std::uint64_t flip, std::uint32_t* out,
                                       const std::uint32_t* end) {
  constexpr auto kRoom = static_cast<std::ptrdiff_t>(64 + kPositionSlack);
  std::uint32_t base = 0;
  std::size_t w = 0;
  for (; w < n && end - out >= kRoom; ++w, base += 64) {
    if constexpr (kAtOnce == 0)
      out = append_any(words[w] ^ flip, base, out);
    else
      out = append_at_once<kAtOnce>(words[w] ^ flip, base, out);
  }
  for (; w < n; ++w, base += 64)
    for (std::uint64_t left = words[w] ^ flip; left != 0 && out < end;)
      *out++ = take_one(base, left);
  return out;
}

/// Writes the positions of the ones in words ^ flip, of which there are about `ones`, to `out`, but
/// nothing to `end` and beyond. Returns where the list ends.
HWY_INLINE std::uint32_t* list(const std::uint64_t* words, std::size_t n, std::uint64_t flip,
                               std::size_t ones, std::uint32_t* out, const std::uint32_t* end) {
  // What all but a few words have at most.
  const double mean = static_cast<double>(ones) / static_cast<double>(n);
  const double most = mean + 1.5 * std::sqrt(mean);
  if (most <= 2) return list_at_once<2>(words, n, flip, out, end);
  if (most <= 3) return list_at_once<3>(words, n, flip, out, end);
  if (most <= 4) return list_at_once<4>(words, n, flip, out, end);
  if (most <= 6) return list_at_once<6>(words, n, flip, out, end);
  if (most <= 8) return list_at_once<8>(words, n, flip, out, end);
  return list_at_once<0>(words, n, flip, out, end);
}

}  // namespace laconic::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
