#pragma once

#include "base/scratch.h"
#include "compressors/compressor.h"
#include "compressors/kept.h"

namespace laconic::kernels {

/// A vector is cut into blocks of this many elements, the last of which may be shorter.
inline constexpr std::size_t kTopKBlock = 4096;

/// How many are kept of a block.
struct BlockPlan {
  std::size_t each, last;  ///< Of every block but the last; of the last.

  std::size_t kept(std::size_t count) const {
    return count == 0 ? 0 : (count - 1) / kTopKBlock * each + last;
  }
};

/// Of each block of `in` the largest magnitudes, ties to the lowest index, zeros where there is
/// nothing else: always as many as planned. NumericError if `in` is not finite.
Kept block_top_k(Floats in, const BlockPlan& plan, Scratch& scratch, int threads = 1);

/// With v = decay * residual + scale * gradient: block_top_k of v, and residual = v with what
/// is lost of values where they were kept. One pass over memory.
Kept block_top_k_feedback(Floats gradient, MutFloats residual, Feedback feedback, ValueLoss loss,
                          const BlockPlan& plan, Scratch& scratch, int threads = 1);

}  // namespace laconic::kernels
