#include "compressors/kernels/dct.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compressors/kernels/dct.cc"
#include <hwy/foreach_target.h>

#include "compressors/kernels/dct_table.h"
#include "compressors/kernels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace laconic::kernels::HWY_NAMESPACE {

static_assert(kDctBlocks == kLanes);

// Element i of all sixteen blocks side by side, so that a lane is a block.
HWY_INLINE void to_lanes(const float* in, float* out) {
  for (std::size_t block = 0; block < kDctBlocks; ++block)
    for (std::size_t i = 0; i < kDctBlock; ++i) out[i * kLanes + block] = in[block * kDctBlock + i];
}
HWY_INLINE void from_lanes(const float* in, float* out) {
  for (std::size_t block = 0; block < kDctBlocks; ++block)
    for (std::size_t i = 0; i < kDctBlock; ++i) out[block * kDctBlock + i] = in[i * kLanes + block];
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
  HWY_ALIGN float x[kDctTile], coefficients[kDctTile];
  to_lanes(in, x);
  forward<kDctBlock>(x, 1, coefficients);
  from_lanes(coefficients, out);
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
  HWY_ALIGN float coefficients[kDctTile], x[kDctTile];
  to_lanes(in, coefficients);
  inverse<kDctBlock>(coefficients, 1, x);
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
