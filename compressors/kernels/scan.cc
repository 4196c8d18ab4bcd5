#include "compressors/kernels/scan.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compressors/kernels/scan.cc"
#include <hwy/foreach_target.h>

#include "compressors/kernels/lanes-inl.h"
#include "compressors/kernels/positions-inl.h"

HWY_BEFORE_NAMESPACE();
namespace laconic::kernels::HWY_NAMESPACE {

/// Two bytes: a bit for each lane with |v| >= least. Signed comparison will do, as neither side
/// has its highest bit set.
HWY_INLINE void store_marks(const F32& v, std::uint32_t least, std::uint8_t* bytes) {
  const U32 key = magnitude(v);
#if HWY_TARGET == HWY_SCALAR
  std::uint32_t lane[kLanes];
  store(key, lane);
  unsigned bits = 0;
  for (unsigned i = 0; i < kLanes; ++i) bits |= (lane[i] >= least ? 1u : 0u) << i;
  bytes[0] = static_cast<std::uint8_t>(bits);
  bytes[1] = static_cast<std::uint8_t>(bits >> 8);
#else
  const I32::Tag d;
  const auto below = hn::Set(d, static_cast<std::int32_t>(least - 1));
  for (std::size_t r = 0; r < U32::kRegisters; ++r)
    hn::StoreMaskBits(d, hn::BitCast(d, key.r[r]) > below, bytes + r * U32::kEach / 8);
#endif
}

// While positions are made, memory would have nothing to do: it is asked for what comes some runs
// later, maybe beyond the end of this call's part of a vector.
constexpr std::size_t kAhead = 1024;

// `next(i, width)` yields the elements from i on. Marks are made for a run of them and only then
// turned into positions: reading a word back right after its bytes were written would wait for
// them. A run is short enough for the processor to have the loads of the next one under way while
// it still works on this one, so that the whole goes at the speed of memory.
template <typename Next>
HWY_INLINE std::size_t scan_with(std::size_t n, std::uint32_t least, std::uint32_t base,
                                 std::uint32_t* out, const Next& next) {
  constexpr std::integral_constant<std::size_t, kLanes> whole;
  constexpr std::size_t kWords = 8, kRun = 64 * kWords;
  std::uint64_t words[kWords + 1];  // StoreMaskBits may ask for 8 bytes at the last mark
  auto* marks = reinterpret_cast<std::uint8_t*>(words);
  const std::uint32_t* begin = out;
  std::size_t i = 0;
  for (; i + kRun <= n; i += kRun) {
    for (std::size_t q = 0; q < kRun / kLanes; ++q)
      store_marks(next(i + q * kLanes, whole), least, marks + 2 * q);
    for (std::size_t w = 0; w < kWords; ++w)
      out = append_positions(words[w], base + static_cast<std::uint32_t>(i + 64 * w), out);
  }
  std::memset(words, 0, sizeof words);
  for_lanes(n - i, [&](std::size_t j, auto width)
                       LACONIC_LAMBDA { store_marks(next(i + j, width), least, marks + j / 8); });
  for (std::size_t w = 0; i < n; ++w, i += 64)
    out = append_positions(words[w], base + static_cast<std::uint32_t>(i), out);
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
