// The value formats by their options, as factory.cc has the compressors.
#include <string>

#include "base/errors.h"
#include "compressors/codec_makers.h"
#include "compressors/makers.h"

namespace laconic {
namespace {

// One overload for each alternative: std::visit does not compile while one is missing.
struct Maker {
  Rounding rounding;

  using Made = std::unique_ptr<const ValueCodec>;
  Made operator()(const Float32Options&) const { return make_float32_codec(); }
  Made operator()(const Bf16Options&) const { return make_bf16_codec(rounding); }
  Made operator()(const Fp16Options&) const { return make_fp16_codec(rounding); }
  Made operator()(const Fp8E4M3Options&) const { return make_fp8_e4m3_codec(rounding); }
  Made operator()(const Fp8E5M2Options&) const { return make_fp8_e5m2_codec(rounding); }
  Made operator()(const SignOptions& options) const { return make_sign_codec(options); }
  Made operator()(const QsgdOptions& options) const { return make_qsgd_codec(options); }
  Made operator()(const NaturalOptions&) const { return make_natural_codec(rounding); }
  Made operator()(const TwoBitOptions& options) const { return make_two_bit_codec(options); }
  Made operator()(const PyramidOptions& options) const { return make_pyramid_codec(options); }
};

struct Name {
  const char* operator()(const Float32Options&) const { return "float32"; }
  const char* operator()(const Bf16Options&) const { return "bf16"; }
  const char* operator()(const Fp16Options&) const { return "fp16"; }
  const char* operator()(const Fp8E4M3Options&) const { return "fp8_e4m3"; }
  const char* operator()(const Fp8E5M2Options&) const { return "fp8_e5m2"; }
  const char* operator()(const SignOptions&) const { return "sign"; }
  const char* operator()(const QsgdOptions&) const { return "qsgd"; }
  const char* operator()(const NaturalOptions&) const { return "natural"; }
  const char* operator()(const TwoBitOptions&) const { return "two_bit"; }
  const char* operator()(const PyramidOptions&) const { return "pyramid"; }
};

struct CanBeUnbiased {
  bool operator()(const SignOptions&) const { return false; }
  bool operator()(const TwoBitOptions&) const { return false; }
  bool operator()(const PyramidOptions&) const { return false; }
  bool operator()(const auto&) const { return true; }
};

}  // namespace

std::string_view name_of(const ValueFormat& format) { return std::visit(Name{}, format); }

bool can_be_unbiased(const ValueFormat& format) { return std::visit(CanBeUnbiased{}, format); }

std::unique_ptr<const ValueCodec> make_value_codec(const ValueFormat& format, Rounding rounding) {
  if (rounding == Rounding::stochastic && !can_be_unbiased(format))
    throw ConfigError("values", "a format that can be unbiased, as the compressor is to be: " +
                                    std::string(name_of(format)) + " cannot");
  return std::visit(Maker{rounding}, format);
}

}  // namespace laconic
