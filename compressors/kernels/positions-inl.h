// Positions of the ones in a word: how bitmaps, unary codes and comparisons become lists.
//
// For inclusion in files that Highway compiles once per target; hence no ordinary include guard.
#if defined(LACONIC_KERNELS_POSITIONS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LACONIC_KERNELS_POSITIONS_INL_H_
#undef LACONIC_KERNELS_POSITIONS_INL_H_
#else
#define LACONIC_KERNELS_POSITIONS_INL_H_
#endif

#include <hwy/highway.h>

#include <bit>
#include <cstddef>
#include <cstdint>

#include "compressors/kernels/positions.h"

HWY_BEFORE_NAMESPACE();
namespace laconic::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET > HWY_AVX3_DL && HWY_TARGET != HWY_SCALAR

/// Of a word with seldom more than three ones: those without a branch.
HWY_INLINE std::uint32_t* append_few(std::uint64_t word, std::uint32_t base, std::uint32_t* out) {
  std::uint32_t* const end = out + std::popcount(word);
  for (int i = 0; i < 3; ++i, word &= word - 1)
    *out++ = base + static_cast<std::uint32_t>(std::countr_zero(word));
  for (; HWY_UNLIKELY(word != 0); word &= word - 1)
    *out++ = base + static_cast<std::uint32_t>(std::countr_zero(word));
  return end;
}

/// Of any other. A table has the positions in each byte (Lemire, "Really fast bitset decoding").
HWY_INLINE std::uint32_t* append_many(std::uint64_t word, std::uint32_t base, std::uint32_t* out) {
  const hn::CappedTag<std::uint32_t, 8> d;
  const hn::Rebind<std::uint8_t, decltype(d)> d8;
  for (std::uint32_t at = 0; at < 64; at += 8) {
    const auto byte = static_cast<std::uint8_t>(word >> at);
    for (std::size_t i = 0; i < 8; i += hn::Lanes(d))
      hn::StoreU(hn::PromoteTo(d, hn::LoadU(d8, kPositionsInByte[byte].data() + i)) +
                     hn::Set(d, base + at),
                 d, out + i);
    out += std::popcount(byte);
  }
  return out;
}

#endif

/// Writes base + the positions of the ones in `word`, ascending, and up to kPositionSlack numbers
/// of no meaning after them; returns where the next word's go. There is no branch on where the
/// ones are: writing all that a word might have and moving on by what it has costs less than
/// guessing wrong.
HWY_INLINE std::uint32_t* append_positions(std::uint64_t word, std::uint32_t base,
                                           std::uint32_t* out) {
#if HWY_TARGET == HWY_AVX3_DL
  // One instruction squeezes the bytes 0 ... 63 together where the word has ones. Most words have
  // no more than 16, the width of one store.
  const hn::Full512<std::uint8_t> all;
  const hn::Full128<std::uint8_t> quarter;
  const hn::Full512<std::uint32_t> wide;
  const auto ones = hn::LoadMaskBits(all, reinterpret_cast<const std::uint8_t*>(&word));
  const auto squeezed = hn::Compress(hn::Iota(all, 0), ones);
  const auto offset = hn::Set(wide, base);
  const auto put = [&](auto bytes, std::size_t at) HWY_ATTR {
    hn::StoreU(hn::PromoteTo(wide, bytes) + offset, wide, out + at);
  };
  const auto lower = hn::LowerHalf(squeezed);
  put(hn::LowerHalf(lower), 0);
  const auto count = static_cast<std::size_t>(std::popcount(word));
  if (HWY_UNLIKELY(count > 16)) {
    const auto upper = hn::UpperHalf(hn::Full256<std::uint8_t>(), squeezed);
    put(hn::UpperHalf(quarter, lower), 16);
    put(hn::LowerHalf(upper), 32);
    put(hn::UpperHalf(quarter, upper), 48);
  }
  return out + count;
#elif HWY_TARGET == HWY_SCALAR
  for (; word != 0; word &= word - 1)
    *out++ = base + static_cast<std::uint32_t>(std::countr_zero(word));
  return out;
#else
  // A table has the positions in each byte (Lemire, "Really fast bitset decoding").
  const hn::CappedTag<std::uint32_t, 8> d;
  const hn::Rebind<std::uint8_t, decltype(d)> d8;
  for (std::uint32_t at = base; word != 0; word >>= 8, at += 8) {
    const std::uint8_t byte = word & 0xff;
    for (std::size_t i = 0; i < 8; i += hn::Lanes(d))
      hn::StoreU(
          hn::PromoteTo(d, hn::LoadU(d8, kPositionsInByte[byte].data() + i)) + hn::Set(d, at), d,
          out + i);
    out += std::popcount(byte);
  }
  return out;
#endif
}

/// The same for a run of words.
template <std::size_t kWords>
HWY_INLINE std::uint32_t* append_run(const std::uint64_t (&words)[kWords], std::uint32_t base,
                                     std::uint32_t* out) {
#if HWY_TARGET <= HWY_AVX3_DL || HWY_TARGET == HWY_SCALAR
  for (std::size_t w = 0; w < kWords; ++w, base += 64) out = append_positions(words[w], base, out);
#else
  // Neighbouring runs have about as many, so this branch is guessed right.
  int ones = 0;
  for (const std::uint64_t word : words) ones += std::popcount(word);
  if (ones <= static_cast<int>(kWords)) {
    for (std::size_t w = 0; w < kWords; ++w, base += 64) out = append_few(words[w], base, out);
  } else {
    for (std::size_t w = 0; w < kWords; ++w, base += 64) out = append_many(words[w], base, out);
  }
#endif
  return out;
}

}  // namespace laconic::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
