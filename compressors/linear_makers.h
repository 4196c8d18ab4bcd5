#pragma once

#include "compressors/linear_compressor.h"

/// One maker for each alternative of LinearCompressorOptions, in a file of its own.
namespace laconic {

std::unique_ptr<LinearCompressor> make_power_sgd(const PowerSgdOptions& options,
                                                 const Layout& layout);
std::unique_ptr<LinearCompressor> make_linear_rand_k(const LinearRandKOptions& options,
                                                     const Layout& layout);

/// Elements of a bucket, which may begin anywhere in the flat vector.
inline std::size_t bucket_size(const Layout& layout) {
  return layout.empty() ? 0 : flat_size(layout) - layout.front().begin;
}

}  // namespace laconic
