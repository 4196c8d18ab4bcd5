#include "compressors/kernels/dct.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compressors/kernels/dct.cc"
#include <hwy/foreach_target.h>

#include "compressors/kernels/dct_table.h"
#include "compressors/kernels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace laconic::kernels::HWY_NAMESPACE {

static_assert(kDctBlocks == kLanes);

// to[j][i] = from[i][j], of rows that are so far apart.
HWY_INLINE void transpose_eight(const float* from, std::size_t from_row, float* to,
                                std::size_t to_row) {
#if HWY_TARGET == HWY_AVX2
  __m256 row[8], pairs[8];
  for (std::size_t i = 0; i < 8; ++i) row[i] = _mm256_loadu_ps(from + i * from_row);
  for (std::size_t i = 0; i < 8; i += 2) {
    pairs[i] = _mm256_unpacklo_ps(row[i], row[i + 1]);
    pairs[i + 1] = _mm256_unpackhi_ps(row[i], row[i + 1]);
  }
  // Fours of one column, the upper half of a register being four columns on.
  for (std::size_t i = 0; i < 8; i += 4)
    for (std::size_t j = 0; j < 2; ++j) {
      row[i + 2 * j] = _mm256_shuffle_ps(pairs[i + j], pairs[i + j + 2], 0x44);
      row[i + 2 * j + 1] = _mm256_shuffle_ps(pairs[i + j], pairs[i + j + 2], 0xee);
    }
  for (std::size_t j = 0; j < 4; ++j) {
    _mm256_storeu_ps(to + j * to_row, _mm256_permute2f128_ps(row[j], row[j + 4], 0x20));
    _mm256_storeu_ps(to + (j + 4) * to_row, _mm256_permute2f128_ps(row[j], row[j + 4], 0x31));
  }
#else
  for (std::size_t i = 0; i < 8; ++i)
    for (std::size_t j = 0; j < 8; ++j) to[j * to_row + i] = from[i * from_row + j];
#endif
}

// Element i of all sixteen blocks side by side, so that a lane is a block.
HWY_INLINE void to_lanes(const float* in, float* out) {
  for (std::size_t block = 0; block < kDctBlocks; block += 8)
    for (std::size_t i = 0; i < kDctBlock; i += 8)
      transpose_eight(in + block * kDctBlock + i, kDctBlock, out + i * kLanes + block, kLanes);
}
HWY_INLINE void from_lanes(const float* in, float* out) {
  for (std::size_t block = 0; block < kDctBlocks; block += 8)
    for (std::size_t i = 0; i < kDctBlock; i += 8)
      transpose_eight(in + i * kLanes + block, kLanes, out + block * kDctBlock + i, kDctBlock);
}

// Cosines of even k have the same value at i and N-1-i, those of odd k the opposite. So even
// coefficients are a transform of half the length, of the sums of both ends; odd ones are products
// with the differences, half as many as the definition has. Repeated on the even ones that makes a
// third of N^2 products: for 64 few enough, and no step magnifies rounding errors, as those do that
// divide by a cosine.
template <std::size_t N>
HWY_INLINE void forward(float* x, std::size_t stride, float* out) {
  // x is overwritten by the sums; out[k * stride] are coefficients.
  constexpr std::size_t kHalf = N / 2;
  F32 difference[kHalf];
  for (std::size_t i = 0; i < kHalf; ++i) {
    const F32 a = load(x + i * kLanes), b = load(x + (N - 1 - i) * kLanes);
    difference[i] = a - b;
    store(a + b, x + i * kLanes);
  }
  const float* cosine = odd_cosines<N>.data();
  for (std::size_t k = 0; k < kHalf; ++k, cosine += kHalf) {
    F32 total = difference[0] * splat(cosine[0]);
    for (std::size_t i = 1; i < kHalf; ++i) total = fma(difference[i], splat(cosine[i]), total);
    store(total, out + (2 * k + 1) * stride * kLanes);
  }
  if constexpr (N > 2)
    forward<kHalf>(x, 2 * stride, out);
  else
    store(load(x) * splat(kDctFirst), out);
}

// The transpose, step by step.
template <std::size_t N>
HWY_INLINE void inverse(const float* in, std::size_t stride, float* x) {
  constexpr std::size_t kHalf = N / 2;
  if constexpr (N > 2)
    inverse<kHalf>(in, 2 * stride, x);
  else
    store(load(in) * splat(kDctFirst), x);
  F32 odd[kHalf];
  for (std::size_t k = 0; k < kHalf; ++k) odd[k] = load(in + (2 * k + 1) * stride * kLanes);
  for (std::size_t i = 0; i < kHalf; ++i) {
    const float* cosine = odd_cosines<N>.data() + i;
    F32 total = odd[0] * splat(cosine[0]);
    for (std::size_t k = 1; k < kHalf; ++k) total = fma(odd[k], splat(cosine[k * kHalf]), total);
    const F32 even = load(x + i * kLanes);
    store(even + total, x + i * kLanes);
    store(even - total, x + (N - 1 - i) * kLanes);
  }
}

// All lanes at once: the largest t with at least k keys from t on, bit by bit from the highest, is
// the k-th largest key.
HWY_INLINE U32 kth_largest(const float* coefficients, std::uint32_t k) {
  const U32 one = splat<std::uint32_t>(1), zero = splat<std::uint32_t>(0);
  // How many reach `least`: once they are k in every lane, lower bits would change nothing.
  U32 least = zero, reaching = splat(static_cast<std::uint32_t>(kDctBlock));
  for (int bit = 30; bit >= 0 && largest(reaching) != k; --bit) {
    const U32 trial = least | splat(std::uint32_t{1} << bit);
    U32 reached = zero;
    for (std::size_t i = 0; i < kDctBlock; ++i)
      reached = reached + if_at_least(magnitude(load(coefficients + i * kLanes)), trial, one);
    least = max(least, if_at_least(reached, splat(k), trial));
    reaching =
        if_at_least(reached, splat(k), reached) + if_at_least(splat(k - 1), reached, reaching);
  }
  return least;
}

void dct_choose(const float* in, std::size_t k, float* out, std::uint64_t chosen[kDctBlocks]) {
  HWY_ALIGN float x[kDctTile];
  to_lanes(in, x);
  float* const coefficients = out;
  forward<kDctBlock>(x, 1, coefficients);
  const auto count = static_cast<std::uint32_t>(k);
  const U32 least = kth_largest(coefficients, count), one = splat<std::uint32_t>(1);
  // Of those equal to the k-th, as many as there is room for beside the larger ones.
  U32 ties = splat(count);
  for (std::size_t i = 0; i < kDctBlock; ++i)
    ties = ties - if_at_least(magnitude(load(coefficients + i * kLanes)), least + one, one);
  U32 half[2];
  for (std::size_t h = 0; h < 2; ++h) {
    half[h] = splat<std::uint32_t>(0);
    for (std::uint32_t i = 0; i < 32; ++i) {
      const U32 key = magnitude(load(coefficients + (32 * h + i) * kLanes));
      const U32 larger = if_at_least(key, least + one, one);
      const U32 tie = (if_at_least(key, least, one) - larger) & if_at_least(ties, one, one);
      ties = ties - tie;
      half[h] = half[h] | shift_left(larger | tie, i);
    }
  }
  std::uint32_t lower[kLanes], upper[kLanes];
  store(half[0], lower), store(half[1], upper);
  for (std::size_t block = 0; block < kDctBlocks; ++block)
    chosen[block] = lower[block] | std::uint64_t{upper[block]} << 32;
}

void inverse_dct(const float* in, float* out) {
  HWY_ALIGN float x[kDctTile];
  inverse<kDctBlock>(in, 1, x);
  from_lanes(x, out);
}

}  // namespace laconic::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace laconic::kernels {

HWY_EXPORT(dct_choose);
HWY_EXPORT(inverse_dct);

void dct_choose(const float* in, std::size_t k, float* out, std::uint64_t chosen[kDctBlocks]) {
  HWY_DYNAMIC_DISPATCH(dct_choose)(in, k, out, chosen);
}

void inverse_dct(const float* in, float* out) { HWY_DYNAMIC_DISPATCH(inverse_dct)(in, out); }

}  // namespace laconic::kernels
#endif  // HWY_ONCE
