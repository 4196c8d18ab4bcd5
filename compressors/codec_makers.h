#pragma once

#include <memory>

#include "compressors/value_options.h"
#include "compressors/wire/value_codec.h"

/// One maker for each alternative of ValueFormat, in a file of its own.
namespace laconic {

std::unique_ptr<const ValueCodec> make_float32_codec();
std::unique_ptr<const ValueCodec> make_bf16_codec(Rounding rounding);
std::unique_ptr<const ValueCodec> make_fp16_codec(Rounding rounding);
std::unique_ptr<const ValueCodec> make_fp8_e4m3_codec(Rounding rounding);
std::unique_ptr<const ValueCodec> make_fp8_e5m2_codec(Rounding rounding);
std::unique_ptr<const ValueCodec> make_sign_codec(const SignOptions& options);
std::unique_ptr<const ValueCodec> make_qsgd_codec(const QsgdOptions& options);
std::unique_ptr<const ValueCodec> make_natural_codec(Rounding rounding);
std::unique_ptr<const ValueCodec> make_two_bit_codec(const TwoBitOptions& options);
std::unique_ptr<const ValueCodec> make_pyramid_codec(const PyramidOptions& options);

}  // namespace laconic
