#pragma once

#include <memory>
#include <string_view>

#include "compressors/options.h"
#include "compressors/wire/value_codec.h"

/// One maker for each alternative of CompressorOptions, in a file of its own.
namespace laconic {

std::unique_ptr<const Compressor> make_identity(const FrameOptions& frame);
std::unique_ptr<const Compressor> make_top_k(const TopKOptions& options, const FrameOptions& frame);
std::unique_ptr<const Compressor> make_rand_k(const RandKOptions& options,
                                              const FrameOptions& frame);
std::unique_ptr<const Compressor> make_stratified_rand_k(const StratifiedRandKOptions& options,
                                                         const FrameOptions& frame);
std::unique_ptr<const Compressor> make_perm_k(const PermKOptions& options,
                                              const FrameOptions& frame);
std::unique_ptr<const Compressor> make_threshold(const ThresholdOptions& options,
                                                 const FrameOptions& frame);
std::unique_ptr<const Compressor> make_block_top_k(const BlockTopKOptions& options,
                                                   const FrameOptions& frame);
std::unique_ptr<const Compressor> make_dct_top_k(const DctTopKOptions& options,
                                                 const FrameOptions& frame);

std::unique_ptr<const Compressor> make_quantizer(const QuantizerOptions& options,
                                                 const FrameOptions& frame);

/// `rounding` is what is wanted: formats that know only one way take it. ConfigError("values")
/// where stochastic is asked of one that cannot be unbiased.
std::unique_ptr<const ValueCodec> make_value_codec(const ValueFormat& format, Rounding rounding);

/// ConfigError unless 0 < density <= 1.
void require_density(double density);

}  // namespace laconic
