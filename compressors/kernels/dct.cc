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

// use(k, sum of x[i] * factor(k, i) in the order of i) for each k below N. Four of them at once,
// since in one alone each product waits for the one before.
template <std::size_t N, typename Factor, typename Use>
HWY_INLINE void weighted_sums(const F32 (&x)[N], const Factor& factor, const Use& use) {
  if constexpr (N < 4) {
    for (std::size_t k = 0; k < N; ++k) {
      F32 total = x[0] * splat(factor(k, 0));
      for (std::size_t i = 1; i < N; ++i) total = fma(x[i], splat(factor(k, i)), total);
      use(k, total);
    }
  } else {
    for (std::size_t k = 0; k < N; k += 4) {
      F32 a = x[0] * splat(factor(k, 0)), b = x[0] * splat(factor(k + 1, 0)),
          c = x[0] * splat(factor(k + 2, 0)), d = x[0] * splat(factor(k + 3, 0));
      for (std::size_t i = 1; i < N; ++i) {
        a = fma(x[i], splat(factor(k, i)), a);
        b = fma(x[i], splat(factor(k + 1, i)), b);
        c = fma(x[i], splat(factor(k + 2, i)), c);
        d = fma(x[i], splat(factor(k + 3, i)), d);
      }
      use(k, a), use(k + 1, b), use(k + 2, c), use(k + 3, d);
    }
  }
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
  weighted_sums(
      difference,
      [](std::size_t k, std::size_t i) LACONIC_LAMBDA { return odd_cosines<N>[k * kHalf + i]; },
      [=](std::size_t k, const F32& total)
          LACONIC_LAMBDA { store(total, out + (2 * k + 1) * stride * kLanes); });
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
  weighted_sums(
      odd,
      [](std::size_t i, std::size_t k) LACONIC_LAMBDA { return odd_cosines<N>[k * kHalf + i]; },
      [=](std::size_t i, const F32& total) LACONIC_LAMBDA {
        const F32 even = load(x + i * kLanes);
        store(even + total, x + i * kLanes);
        store(even - total, x + (N - 1 - i) * kLanes);
      });
}

HWY_INLINE U32 load_key(const std::uint32_t* keys, std::size_t i) {
  return load(keys + i * kLanes);
}

HWY_INLINE U32 count_from(const std::uint32_t* keys, const U32& least) {
  U32 count = splat(static_cast<std::uint32_t>(kDctBlock));
  for (std::size_t i = 0; i < kDctBlock; ++i)
    count = count + ones_if_less(load_key(keys, i), least);
  return count;
}

// In each lane so many keys reach `least`: k, or more, and then `least` is the k-th largest.
struct Threshold {
  U32 least, reaching;
};

// All lanes at once. At least k keys reach `least`, and fewer reach `high`. The next to try is what
// k keys would reach if they were spread evenly in between, which as a rule is one that they do
// after a few times; and where they are spread otherwise, the middle of what is left.
HWY_INLINE Threshold threshold_of(const std::uint32_t* keys, std::uint32_t k) {
  const U32 one = splat<std::uint32_t>(1), zero = splat<std::uint32_t>(0), wanted = splat(k);
  const F32 wanted_number = converted(as_signed(wanted));
  Threshold found{zero, splat(static_cast<std::uint32_t>(kDctBlock))};
  U32 high = zero, beyond = zero;
  for (std::size_t i = 0; i < kDctBlock; ++i) high = max(high, load_key(keys, i));
  high = high + one;
  constexpr int kGuesses = 12;
  for (int step = 0;; ++step) {
    // Where it is not found, how many numbers it may be.
    const U32 open = if_at_least(found.reaching, wanted + one, high - found.least);
    if (largest(open) <= 1) return found;
    U32 trial = found.least + shift_right<1>(high - found.least);
    if (step < kGuesses) {
      const F32 below = float_of(found.least), over = converted(as_signed(found.reaching));
      const F32 part = (over - wanted_number) / (over - converted(as_signed(beyond)));
      trial = bits_of(below + part * (float_of(high) - below));
    }
    trial = max(min(trial, high - one), found.least + one);
    const U32 reached = count_from(keys, trial);
    const U32 enough = ones_if_less(splat(k - 1), reached);
    found.least = if_ones(enough, trial, found.least);
    found.reaching = if_ones(enough, reached, found.reaching);
    high = if_ones(enough, high, trial);
    beyond = if_ones(enough, beyond, reached);
  }
}

// Ones in `half[h]` where keys 32 h + i are among the k largest.
HWY_INLINE void choose_keys(const std::uint32_t* keys, std::uint32_t k, U32 (&half)[2]) {
  const U32 zero = splat<std::uint32_t>(0), one = splat<std::uint32_t>(1);
  const auto [least, reaching] = threshold_of(keys, k);
  half[0] = half[1] = zero;
  if (largest(reaching) == k) {
    for (std::uint32_t i = 0; i < kDctBlock; ++i)
      half[i / 32] = half[i / 32] | if_at_least(load_key(keys, i), least, splat(1u << i % 32));
    return;
  }
  // Of those equal to the k-th, as many as there is room for beside the larger ones.
  U32 ties = splat(k) - count_from(keys, least + one);
  for (std::uint32_t i = 0; i < kDctBlock; ++i) {
    const U32 larger = if_at_least(load_key(keys, i), least + one, one);
    const U32 tie =
        (if_at_least(load_key(keys, i), least, one) - larger) & if_at_least(ties, one, one);
    ties = ties - tie;
    half[i / 32] = half[i / 32] | shift_left(larger | tie, i % 32);
  }
}

void dct_choose(const float* in, std::size_t k, float* out, std::uint64_t chosen[kDctBlocks]) {
  HWY_ALIGN float x[kDctTile];
  HWY_ALIGN std::uint32_t keys[kDctTile];
  to_lanes(in, x);
  forward<kDctBlock>(x, 1, out);
  for (std::size_t i = 0; i < kDctTile; i += kLanes) store(magnitude(load(out + i)), keys + i);
  U32 half[2];
  choose_keys(keys, static_cast<std::uint32_t>(k), half);
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
