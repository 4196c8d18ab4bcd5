#pragma once

#include "base/scratch.h"
#include "compressors/compressor.h"
#include "compressors/kept.h"

namespace laconic::kernels {

/// The k largest magnitudes of `in`, ties to the lowest index, zeros left out. NumericError if `in`
/// is not finite. About as fast as reading `in` once. The same for any number of threads.
Kept top_k(Floats in, std::size_t k, Scratch& scratch, int threads = 1);

/// With v = decay * residual + scale * gradient, each product rounded, then the sum: top_k of v,
/// and residual = v with what is lost of values where they were kept. One pass over both.
Kept top_k_feedback(Floats gradient, MutFloats residual, Feedback feedback, ValueLoss loss,
                    std::size_t k, Scratch& scratch, int threads = 1);

}  // namespace laconic::kernels
