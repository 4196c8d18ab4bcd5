#pragma once

#include <memory>

#include "compressors/options.h"
#include "compressors/wire/value_codec.h"

namespace laconic {

/// The compressor that sends every coordinate through `codec`: identity with float32, a quantizer
/// with any other.
std::unique_ptr<const Compressor> make_dense(std::string_view name,
                                             std::unique_ptr<const ValueCodec> codec,
                                             const FrameOptions& frame);

}  // namespace laconic
