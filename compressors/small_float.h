#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "compressors/wire/value_codec.h"

namespace laconic {

/// A float of 8 or 16 bits: sign, exponent, significand, with denormals, as IEEE 754 has them.
/// Codes of infinities and NaN are never written.
struct SmallFloat {
  unsigned bits;         ///< Of a code.
  int mantissa;          ///< Bits after the point.
  int least, top;        ///< Exponents of the smallest and of the largest normal binade.
  std::uint32_t widest;  ///< Significand of the largest number, as a float has it.
};

inline constexpr SmallFloat kFp16{16, 10, -14, 15, 0x7fe000};
inline constexpr SmallFloat kE4M3{8, 3, -6, 8, 0x600000};
inline constexpr SmallFloat kE5M2{8, 2, -14, 15, 0x600000};

/// Values as small floats beside a scale for each bucket of 1,024:
///
///   values := bucket*
///   bucket := scale:u8 code*             the last one of what is left
///
/// A code's number times 2^(scale - 126 - top) is the value. The scale brings the bucket's largest
/// magnitude to the top binade, or to the one below where it would round beyond the largest number.
/// It is a power of two, so that scaling is exact and the loss is the rounding alone: to nearest,
/// ties to even, or at random. `format` is one of the three above.
std::unique_ptr<const ValueCodec> make_small_float_codec(const SmallFloat& format, wire::Values id,
                                                         std::string_view name, Rounding rounding);

}  // namespace laconic
