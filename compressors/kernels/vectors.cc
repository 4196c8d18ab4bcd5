#include "compressors/kernels/vectors.h"

#include <algorithm>
#include <bit>
#include <cstdint>

#include "base/errors.h"

namespace laconic {
namespace {

constexpr std::uint32_t kInfinity = 0x7f800000;

std::uint32_t magnitude_bits(float x) { return std::bit_cast<std::uint32_t>(x) & 0x7fffffff; }

[[noreturn]] void not_finite() { throw NumericError("a vector to compress is not finite"); }

}  // namespace

void require_finite(Floats v) {
  std::uint32_t largest = 0;
  for (const float x : v) largest = std::max(largest, magnitude_bits(x));
  if (largest >= kInfinity) not_finite();
}

void add_feedback(Floats gradient, Floats residual, Feedback feedback, MutFloats out) {
  std::uint32_t largest = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = feedback.decay * residual[i] + feedback.scale * gradient[i];
    largest = std::max(largest, magnitude_bits(out[i]));
  }
  if (largest >= kInfinity) not_finite();
}

void add_scaled(Floats v, float scale, MutFloats sum) {
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += scale * v[i];
}

void subtract(Floats a, Floats b, MutFloats out) {
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = a[i] - b[i];
}

}  // namespace laconic
