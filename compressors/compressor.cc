#include "compressors/compressor.h"

#include <algorithm>
#include <limits>

#include "compressors/kernels/vectors.h"

namespace laconic {

bool Guarantee::unbiased() const { return omega < std::numeric_limits<double>::infinity(); }

bool Guarantee::contractive() const { return alpha > 0 || omega < 1; }

Guarantee compose(const Guarantee& first, const Guarantee& second) {
  // What a contraction needs of each stage: alpha, or 1 - omega of an unbiased one.
  const auto contraction = [](const Guarantee& g) { return std::max(g.alpha, 1 - g.omega); };
  const double alpha = contraction(first) > 0 && contraction(second) > 0
                           ? contraction(first) * contraction(second)
                           : 0;
  return {(1 + first.omega) * (1 + second.omega) - 1, alpha, first.absolute + second.absolute};
}

void Compressor::decode_add_all(std::span<const Bytes> frames, float scale, MutFloats sum) const {
  for (const Bytes frame : frames) decode_add(frame, scale, sum);
}

std::size_t Compressor::encode_residual(Floats gradient, MutFloats residual, Feedback feedback,
                                        MutBytes out, const Site& site) const {
  const Scratch::Scope scope(site.scratch);
  const MutFloats decoded = site.scratch.take<float>(residual.size());
  add_feedback(gradient, residual, feedback, residual);
  const std::size_t bytes = encode(residual, out, site);
  decode(out.first(bytes), decoded);
  subtract(residual, decoded, residual);
  return bytes;
}

}  // namespace laconic
