#include <algorithm>

#include "base/errors.h"
#include "compressors/makers.h"

namespace laconic {
namespace {

// One overload for each alternative: std::visit does not compile while one is missing.
struct Maker {
  const FrameOptions& frame;

  using Made = std::unique_ptr<const Compressor>;
  Made operator()(const IdentityOptions&) const { return make_identity(frame); }
  Made operator()(const TopKOptions& options) const { return make_top_k(options, frame); }
  Made operator()(const RandKOptions& options) const { return make_rand_k(options, frame); }
  Made operator()(const QuantizerOptions& options) const { return make_quantizer(options, frame); }
};

}  // namespace

std::unique_ptr<const Compressor> make_compressor(const CompressorOptions& options,
                                                  const FrameOptions& frame) {
  return std::visit(Maker{frame}, options);
}

void require_density(double density) {
  if (!(density > 0 && density <= 1)) throw ConfigError("density", "a number in (0, 1]");
}

}  // namespace laconic
