#include "compressors/kernels/vectors.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compressors/kernels/vectors.cc"
#include <hwy/foreach_target.h>

#include "compressors/kernels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace laconic::kernels::HWY_NAMESPACE {

std::uint32_t largest_magnitude(const float* v, std::size_t n) {
  // Two maxima, so that a load does not wait for the comparison before it.
  U32 even = splat<std::uint32_t>(0), odd = even;
  std::size_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    even = max(even, magnitude(load(v + i)));
    odd = max(odd, magnitude(load(v + i + kLanes)));
  }
  for_lanes(n - i, [&](std::size_t j, auto width)
                       LACONIC_LAMBDA { even = max(even, magnitude(load(v + i + j, width))); });
  return largest(max(even, odd));
}

float sum_of_squares(const float* v, std::size_t n, float scale) {
  F32 total = splat(0.0f);
  for_lanes(n, [&](std::size_t i, auto width) LACONIC_LAMBDA {
    const F32 scaled = splat(scale) * load(v + i, width);
    total = total + scaled * scaled;
  });
  return sum(total);
}

std::uint32_t add_feedback(const float* gradient, const float* residual, float scale, float decay,
                           float* out, std::size_t n) {
  const F32 s = splat(scale), d = splat(decay);
  U32 most = splat<std::uint32_t>(0);
  for_lanes(n, [&](std::size_t i, auto width) LACONIC_LAMBDA {
    const F32 v = d * load(residual + i, width) + s * load(gradient + i, width);
    most = max(most, magnitude(v));
    store(v, out + i, width);
  });
  return largest(most);
}

void add_scaled(const float* v, float scale, float* sum, std::size_t n) {
  const F32 s = splat(scale);
  for_lanes(n, [&](std::size_t i, auto width) LACONIC_LAMBDA {
    store(load(sum + i, width) + s * load(v + i, width), sum + i, width);
  });
}

void subtract(const float* a, const float* b, float* out, std::size_t n) {
  for_lanes(n, [&](std::size_t i, auto width) LACONIC_LAMBDA {
    store(load(a + i, width) - load(b + i, width), out + i, width);
  });
}

}  // namespace laconic::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <array>
#include <bit>

#include "base/errors.h"
#include "compressors/slices.h"

namespace laconic {
namespace kernels {

HWY_EXPORT(largest_magnitude);
HWY_EXPORT(sum_of_squares);
HWY_EXPORT(add_feedback);
HWY_EXPORT(add_scaled);
HWY_EXPORT(subtract);

}  // namespace kernels

void require_finite(std::uint32_t magnitude) {
  constexpr std::uint32_t kInfinity = 0x7f800000;
  if (magnitude >= kInfinity) throw NumericError("a vector to compress is not finite");
}

void require_finite(Floats v, int threads) {
  for_slices(threads, v.size(), [v](Slice slice) { largest_magnitude(part(v, slice)); });
}

float largest_magnitude(Floats v) {
  using namespace kernels;
  const std::uint32_t magnitude = HWY_DYNAMIC_DISPATCH(largest_magnitude)(v.data(), v.size());
  require_finite(magnitude);
  return std::bit_cast<float>(magnitude);
}

float binade_of(float magnitude) {
  constexpr std::uint32_t kLeast = 1u << 23, kMost = 253u << 23;
  return std::bit_cast<float>(
      std::clamp(std::bit_cast<std::uint32_t>(magnitude) & 0x7f800000, kLeast, kMost));
}

float sum_of_squares(Floats v, float scale) {
  using namespace kernels;
  return HWY_DYNAMIC_DISPATCH(sum_of_squares)(v.data(), v.size(), scale);
}

void add_feedback(Floats gradient, Floats residual, Feedback feedback, MutFloats out, int threads) {
  using namespace kernels;
  for_slices(threads, out.size(), [&](Slice slice) {
    require_finite(HWY_DYNAMIC_DISPATCH(add_feedback)(
        &gradient[slice.begin], &residual[slice.begin], feedback.scale, feedback.decay,
        &out[slice.begin], slice.count));
  });
}

void add_scaled(Floats v, float scale, MutFloats sum) {
  using namespace kernels;
  HWY_DYNAMIC_DISPATCH(add_scaled)(v.data(), scale, sum.data(), sum.size());
}

void subtract(Floats a, Floats b, MutFloats out) {
  using namespace kernels;
  HWY_DYNAMIC_DISPATCH(subtract)(a.data(), b.data(), out.data(), out.size());
}

void lose_nothing(Floats, MutFloats lost) { std::ranges::fill(lost, 0.0f); }

// Each index is as a rule a cache line of its own: they are asked for ahead of time.
void leave_losses(const Kept& kept, ValueLoss loss, MutFloats v) {
  constexpr std::size_t kPiece = 512, kAhead = 32;
  std::array<float, kPiece> memory;
  for (std::size_t begin = 0; begin < kept.values.size(); begin += kPiece) {
    const std::size_t n = std::min(kPiece, kept.values.size() - begin);
    const MutFloats lost = MutFloats(memory).first(n);
    loss(kept.values.subspan(begin, n), lost);
    for (std::size_t i = 0, c = begin; i < n; ++i, ++c) {
      if (c + kAhead < kept.indices.size()) __builtin_prefetch(&v[kept.indices[c + kAhead]], 1);
      v[kept.indices[c]] = lost[i];
    }
  }
}

}  // namespace laconic
#endif  // HWY_ONCE
