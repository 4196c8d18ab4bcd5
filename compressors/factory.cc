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
  Made operator()(const StratifiedRandKOptions& options) const {
    return make_stratified_rand_k(options, frame);
  }
  Made operator()(const PermKOptions& options) const { return make_perm_k(options, frame); }
  Made operator()(const ThresholdOptions& options) const { return make_threshold(options, frame); }
  Made operator()(const BlockTopKOptions& options) const {
    return make_block_top_k(options, frame);
  }
  Made operator()(const DctTopKOptions& options) const { return make_dct_top_k(options, frame); }
  Made operator()(const QuantizerOptions& options) const { return make_quantizer(options, frame); }
};

}  // namespace

std::unique_ptr<const Compressor> make_compressor(const CompressorOptions& options,
                                                  const FrameOptions& frame) {
  return std::visit(Maker{frame}, options);
}

CompressorOptions for_ranks(CompressorOptions options, int ranks) {
  if (auto* perm_k = std::get_if<PermKOptions>(&options)) perm_k->ranks = ranks;
  return options;
}

void require_density(double density) {
  if (!(density > 0 && density <= 1)) throw ConfigError("density", "a number in (0, 1]");
}

}  // namespace laconic
