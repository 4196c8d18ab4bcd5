// Top-k: the k largest magnitudes, ties to the lowest index. Zeros are never sent: the receiver has
// them already.
#include <limits>

#include "compressors/kernels/top_k.h"
#include "compressors/makers.h"
#include "compressors/sparse.h"

namespace laconic {
namespace {

class TopK final : public SparseCompressor {
 public:
  TopK(const TopKOptions& options, const FrameOptions& frame)
      : SparseCompressor(wire::Selection::top_k, options.indices,
                         make_value_codec(options.values, Rounding::nearest), frame),
        density_(options.density) {}

  std::string_view name() const override { return "top_k"; }

  // What is left out holds at most 1 - k/n of the squared norm.
  Guarantee guarantee(std::size_t count) const override {
    if (count == 0) return {0, 1};
    const std::size_t kept = most_kept(count);
    const double alpha = static_cast<double>(kept) / static_cast<double>(count);
    return compose({std::numeric_limits<double>::infinity(), alpha}, value_guarantee(kept));
  }

 protected:
  std::size_t most_kept(std::size_t count) const override { return kept_elements(density_, count); }

  Kept select(Floats in, Scratch& scratch) const override {
    return kernels::top_k(in, most_kept(in.size()), scratch, threads());
  }

  Kept take(Floats gradient, MutFloats residual, Feedback feedback, ValueLoss loss,
            Scratch& scratch) const override {
    return kernels::top_k_feedback(gradient, residual, feedback, loss, most_kept(residual.size()),
                                   scratch, threads());
  }

 private:
  double density_;
};

}  // namespace

std::unique_ptr<const Compressor> make_top_k(const TopKOptions& options,
                                             const FrameOptions& frame) {
  require_density(options.density);
  return std::make_unique<const TopK>(options, frame);
}

}  // namespace laconic
