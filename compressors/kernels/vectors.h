#pragma once

#include "compressors/compressor.h"

/// Passes over whole vectors that several compressors share.
namespace laconic {

/// NumericError unless every element is finite.
void require_finite(Floats v);

/// The same, and of all |v[i]| the largest; 0 for none.
float largest_magnitude(Floats v);

/// out = decay * residual + scale * gradient, each product rounded, then the sum; `out` may be
/// `residual`. NumericError if an element of it is not finite.
void add_feedback(Floats gradient, Floats residual, Feedback feedback, MutFloats out);

/// sum[i] += scale * v[i]: a product, then a sum.
void add_scaled(Floats v, float scale, MutFloats sum);

/// out[i] = a[i] - b[i]
void subtract(Floats a, Floats b, MutFloats out);

}  // namespace laconic
