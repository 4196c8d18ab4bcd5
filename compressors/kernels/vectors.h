#pragma once

#include <cstdint>

#include "compressors/compressor.h"
#include "compressors/kept.h"

/// Passes over whole vectors that several compressors share.
namespace laconic {

/// NumericError unless every element is finite.
void require_finite(Floats v, int threads = 1);

/// The same for kernels that look on their way: `magnitude` is the bits of the largest |v[i]|.
void require_finite(std::uint32_t magnitude);

/// The largest |v[i]|, 0 of none; NumericError unless every element is finite.
float largest_magnitude(Floats v);

/// The power of two at or below a magnitude, held where its inverse is a normal float as well: what
/// is divided by it lies below 4, and sums of many of its squares below the largest float.
float binade_of(float magnitude);

/// The sum of the squares of scale * v[i], in 16 lanes that one fixed tree adds up.
float sum_of_squares(Floats v, float scale);

/// out = decay * residual + scale * gradient, each product rounded, then the sum; `out` may be
/// `residual`. NumericError if an element of it is not finite.
void add_feedback(Floats gradient, Floats residual, Feedback feedback, MutFloats out,
                  int threads = 1);

/// sum[i] += scale * v[i]: a product, then a sum.
void add_scaled(Floats v, float scale, MutFloats sum);

/// out[i] = a[i] - b[i]
void subtract(Floats a, Floats b, MutFloats out);

/// The ValueLoss of what is sent as it is: zeros.
void lose_nothing(Floats values, MutFloats lost);

/// v at each index = what is lost of the value there.
void leave_losses(const Kept& kept, ValueLoss loss, MutFloats v);

}  // namespace laconic
