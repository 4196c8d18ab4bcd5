#include "compressors/dense.h"
#include "compressors/makers.h"

namespace laconic {

std::unique_ptr<const Compressor> make_quantizer(const QuantizerOptions& options,
                                                 const FrameOptions& frame) {
  return make_dense(
      name_of(options.values),
      make_value_codec(options.values, options.unbiased ? Rounding::stochastic : Rounding::nearest),
      frame);
}

}  // namespace laconic
