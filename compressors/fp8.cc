// fp8: floats of 8 bits (Micikevicius et al., "FP8 formats for deep learning", 2022) and a scale
// for each bucket. E4M3 has 4 bits of significand and reaches down to 2^-17 of the largest value,
// E5M2 3 bits and 2^-31. small_float.h has the section.
#include "compressors/codec_makers.h"
#include "compressors/small_float.h"

namespace laconic {

std::unique_ptr<const ValueCodec> make_fp8_e4m3_codec(Rounding rounding) {
  return make_small_float_codec(kE4M3, wire::Values::fp8_e4m3, "fp8_e4m3", rounding);
}

std::unique_ptr<const ValueCodec> make_fp8_e5m2_codec(Rounding rounding) {
  return make_small_float_codec(kE5M2, wire::Values::fp8_e5m2, "fp8_e5m2", rounding);
}

}  // namespace laconic
