#include "compressors/linear_compressor.h"

#include "compressors/linear_makers.h"

namespace laconic {
namespace {

// One overload for each alternative: std::visit does not compile while one is missing.
struct Maker {
  const Layout& layout;

  using Made = std::unique_ptr<LinearCompressor>;
  Made operator()(const PowerSgdOptions& options) const { return make_power_sgd(options, layout); }
  Made operator()(const LinearRandKOptions& options) const {
    return make_linear_rand_k(options, layout);
  }
};

}  // namespace

std::unique_ptr<LinearCompressor> make_linear_compressor(const LinearCompressorOptions& options,
                                                         const Layout& layout) {
  return std::visit(Maker{layout}, options);
}

}  // namespace laconic
