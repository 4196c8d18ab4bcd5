#pragma once

#include <cstddef>
#include <string_view>
#include <variant>

/// How values stand in a frame: one plain struct a format, one alternative in the variant, one case
/// in make_value_codec. A format is a compressor of its own (QuantizerOptions) and what any
/// sparsifier may send its values in.
namespace laconic {

/// As they are.
struct Float32Options {
  friend bool operator==(const Float32Options&, const Float32Options&) = default;
};

/// The upper half of a float.
struct Bf16Options {
  friend bool operator==(const Bf16Options&, const Bf16Options&) = default;
};

/// IEEE's half precision, and a scale for each 1,024 values.
struct Fp16Options {
  friend bool operator==(const Fp16Options&, const Fp16Options&) = default;
};

/// 8 bits, 3 of them after the point, and a scale for each 1,024 values.
struct Fp8E4M3Options {
  friend bool operator==(const Fp8E4M3Options&, const Fp8E4M3Options&) = default;
};

/// 8 bits, 2 of them after the point, and a scale for each 1,024 values.
struct Fp8E5M2Options {
  friend bool operator==(const Fp8E5M2Options&, const Fp8E5M2Options&) = default;
};

/// The sign of each value and the mean magnitude of each bucket.
struct SignOptions {
  std::size_t bucket = 1024;  ///< Values that share a mean: a multiple of 64, up to 65,536.
  friend bool operator==(const SignOptions&, const SignOptions&) = default;
};

using ValueFormat = std::variant<Float32Options, Bf16Options, Fp16Options, Fp8E4M3Options,
                                 Fp8E5M2Options, SignOptions>;

/// The name in experiment.proto and in tables, "fp8_e4m3".
std::string_view name_of(const ValueFormat& format);

/// Some rounding of the format leaves values right in the mean.
bool can_be_unbiased(const ValueFormat& format);

}  // namespace laconic
