#include "compressors/codec_makers.h"
#include "compressors/dense.h"
#include "compressors/makers.h"

namespace laconic {

std::unique_ptr<const Compressor> make_identity(const FrameOptions& frame) {
  return make_dense("identity", make_float32_codec(), frame);
}

}  // namespace laconic
