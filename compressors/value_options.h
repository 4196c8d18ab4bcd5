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

enum class QsgdNorm { max, l2 };

/// Each value at random to one of two neighbouring levels, right in the mean.
struct QsgdOptions {
  std::size_t levels = 127;       ///< Up to the norm, either side of zero: 1 to 127.
  QsgdNorm norm = QsgdNorm::max;  ///< What the levels divide: the largest magnitude or the 2-norm.
  std::size_t bucket = 1024;      ///< Values that share a norm, as in SignOptions.
  friend bool operator==(const QsgdOptions&, const QsgdOptions&) = default;
};

/// Sign and exponent: the power of two nearby, in 9 bits.
struct NaturalOptions {
  friend bool operator==(const NaturalOptions&, const NaturalOptions&) = default;
};

/// One of four bins, each with the mean of its values.
struct TwoBitOptions {
  std::size_t bucket = 1024;  ///< Values that share the means, as in SignOptions.
  friend bool operator==(const TwoBitOptions&, const TwoBitOptions&) = default;
};

/// A gain and an integer vector of `pulses` in all for each group of values.
struct PyramidOptions {
  std::size_t group = 64;   ///< 8, 16, 32 or 64.
  std::size_t pulses = 32;  ///< 1 to 40: more are nearer, in more bits.
  friend bool operator==(const PyramidOptions&, const PyramidOptions&) = default;
};

using ValueFormat =
    std::variant<Float32Options, Bf16Options, Fp16Options, Fp8E4M3Options, Fp8E5M2Options,
                 SignOptions, QsgdOptions, NaturalOptions, TwoBitOptions, PyramidOptions>;

/// The name in experiment.proto and in tables, "fp8_e4m3".
std::string_view name_of(const ValueFormat& format);

/// Some rounding of the format leaves values right in the mean.
bool can_be_unbiased(const ValueFormat& format);

}  // namespace laconic
