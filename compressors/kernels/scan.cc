#include "compressors/kernels/scan.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compressors/kernels/scan.cc"
#include <hwy/foreach_target.h>

#include "compressors/kernels/lanes-inl.h"
#include "compressors/kernels/positions-inl.h"

HWY_BEFORE_NAMESPACE();
namespace laconic::kernels::HWY_NAMESPACE {

constexpr std::size_t kWord = 64;

/// A bit for each of 64 elements, set where |v| >= least; `next(j)` yields sixteen of them. Signed
/// comparison will do, as neither side has its highest bit set.
template <typename Next>
HWY_INLINE std::uint64_t marks_of(std::uint32_t least, const Next& next) {
#if HWY_TARGET == HWY_AVX2
  // Narrowed in pairs, whose halves interleave, until a register has the marks of 32 as bytes.
  const __m256i below = _mm256_set1_epi32(static_cast<std::int32_t>(least - 1));
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  const auto pair = [&](std::size_t j) LACONIC_LAMBDA {
    const U32 key = magnitude(next(j));
    return _mm256_packs_epi32(_mm256_cmpgt_epi32(key.r[0].raw, below),
                              _mm256_cmpgt_epi32(key.r[1].raw, below));
  };
  const auto half = [&](std::size_t j) LACONIC_LAMBDA {
    const __m256i bytes = _mm256_packs_epi16(pair(j), pair(j + kLanes));
    return static_cast<std::uint32_t>(
        _mm256_movemask_epi8(_mm256_permutevar8x32_epi32(bytes, order)));
  };
  const std::uint64_t lower = half(0);
  return lower | std::uint64_t{half(2 * kLanes)} << 32;
#else
  std::uint64_t word = 0;
  for (std::size_t j = 0; j < kWord; j += kLanes) {
    const U32 key = magnitude(next(j));
#if HWY_TARGET == HWY_SCALAR
    std::uint32_t lane[kLanes];
    store(key, lane);
    for (std::size_t i = 0; i < kLanes; ++i)
      word |= (lane[i] >= least ? std::uint64_t{1} : 0) << (j + i);
#else
    const I32::Tag d;
    const auto below = hn::Set(d, static_cast<std::int32_t>(least - 1));
    for (std::size_t r = 0; r < U32::kRegisters; ++r) {
      std::uint64_t bits = 0;
      hn::StoreMaskBits(d, hn::BitCast(d, key.r[r]) > below,
                        reinterpret_cast<std::uint8_t*>(&bits));
      word |= bits << (j + r * U32::kEach);
    }
#endif
  }
  return word;
#endif
}

// While positions are made, memory would have nothing to do: it is asked for what comes some runs
// later, maybe beyond the end of this call's part of a vector.
constexpr std::size_t kAhead = 384;

// `next(i, width)` yields the elements from i on. Marks are made for a run of them before any is
// turned into positions, so that one look at their number says how. A run is short enough for the
// processor to have the loads of the next one under way while it still works on this one: the whole
// goes at the speed of memory.
template <typename Next>
HWY_INLINE std::size_t scan_with(std::size_t n, std::uint32_t least, std::uint32_t base,
                                 std::uint32_t* out, const Next& next) {
  constexpr std::integral_constant<std::size_t, kLanes> whole;
  constexpr std::size_t kWords = 8, kRun = kWord * kWords;
  std::uint64_t words[kWords];
  const std::uint32_t* begin = out;
  std::size_t i = 0;
  for (; i + kRun <= n; i += kRun) {
    for (std::size_t w = 0; w < kWords; ++w)
      words[w] = marks_of(
          least, [&](std::size_t j) LACONIC_LAMBDA { return next(i + kWord * w + j, whole); });
    out = append_run(words, base + static_cast<std::uint32_t>(i), out);
  }
  for (; i < n; i += kWord) {
    const std::uint64_t word = marks_of(least, [&](std::size_t j) LACONIC_LAMBDA {
      const std::size_t left = n - std::min(n, i + j);
      return left >= kLanes ? next(i + j, whole) : next(i + j, left);
    });
    out = append_positions(word, base + static_cast<std::uint32_t>(i), out);
  }
  return static_cast<std::size_t>(out - begin);
}

std::size_t scan(const float* in, std::size_t n, std::uint32_t least, std::uint32_t base,
                 std::uint32_t* out) {
  return scan_with(n, least, base, out, [in](std::size_t i, auto width) LACONIC_LAMBDA {
    hwy::Prefetch(in + i + kAhead);
    return load(in + i, width);
  });
}

std::size_t scan_feedback(const float* gradient, float* residual, std::size_t n, float scale,
                          float decay, std::uint32_t least, std::uint32_t base,
                          std::uint32_t* out) {
  const F32 s = splat(scale), d = splat(decay);
  return scan_with(n, least, base, out, [=](std::size_t i, auto width) LACONIC_LAMBDA {
    hwy::Prefetch(residual + i + kAhead);
    hwy::Prefetch(gradient + i + kAhead);
    const F32 v = d * load(residual + i, width) + s * load(gradient + i, width);
    store(v, residual + i, width);
    return v;
  });
}

}  // namespace laconic::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace laconic::kernels {

HWY_EXPORT(scan);
HWY_EXPORT(scan_feedback);

std::size_t scan(Floats in, std::uint32_t least, std::uint32_t base, std::uint32_t* out) {
  return HWY_DYNAMIC_DISPATCH(scan)(in.data(), in.size(), least, base, out);
}

std::size_t scan_feedback(Floats gradient, MutFloats residual, Feedback feedback,
                          std::uint32_t least, std::uint32_t base, std::uint32_t* out) {
  return HWY_DYNAMIC_DISPATCH(scan_feedback)(gradient.data(), residual.data(), residual.size(),
                                             feedback.scale, feedback.decay, least, base, out);
}

}  // namespace laconic::kernels
#endif  // HWY_ONCE
