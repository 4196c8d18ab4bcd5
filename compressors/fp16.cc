// fp16: IEEE's half precision, 11 bits of significand, and a scale for each bucket: without it,
// gradients, which are small, would be lost in the format's denormals, and what is large would not
// fit at all. small_float.h has the section.
#include "compressors/codec_makers.h"
#include "compressors/small_float.h"

namespace laconic {

std::unique_ptr<const ValueCodec> make_fp16_codec(Rounding rounding) {
  return make_small_float_codec(kFp16, wire::Values::fp16, "fp16", rounding);
}

}  // namespace laconic
