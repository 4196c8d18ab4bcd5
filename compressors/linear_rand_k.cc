// Rand-k whose payloads add up: all ranks draw the same k coordinates from the shared key, so the
// average of what they send is what the average would send, and no index travels. Nothing is left
// from one step to the next.
#include <algorithm>
#include <cmath>
#include <vector>

#include "base/check.h"
#include "base/errors.h"
#include "compressors/kernels/random_indices.h"
#include "compressors/linear_makers.h"
#include "compressors/makers.h"

namespace laconic {
namespace {

class LinearRandK final : public LinearCompressor {
 public:
  LinearRandK(const LinearRandKOptions& options, std::size_t count)
      : count_(count), indices_(kept_elements(options.density, count)), own_(indices_.size()) {
    if (options.unbiased && count > 0)
      scale_ = static_cast<float>(static_cast<double>(count) / static_cast<double>(own_.size()));
  }

  int rounds() const override { return 1; }
  std::size_t floats(int) const override { return own_.size(); }

  void project(int, Floats in, MutFloats payload, const Site& site) override {
    check(in.size() == count_ && payload.size() == own_.size(), "lengths of a rand_k round");
    random_subset(site.shared, count_, indices_, site.scratch);
    for (std::size_t i = 0; i < own_.size(); ++i) {
      own_[i] = scale_ * in[indices_[i]];
      if (!std::isfinite(own_[i])) throw NumericError("a vector to compress is not finite");
    }
    std::ranges::copy(own_, payload.begin());
  }

  void absorb(int, Floats mean) override { mean_.assign(mean.begin(), mean.end()); }

  void reconstruct(MutFloats mean, MutFloats sent) const override {
    check(mean_.size() == own_.size(), "reconstruct comes after absorb");
    scatter(mean_, mean);
    if (!sent.empty()) scatter(own_, sent);
  }

  void save(StateWriter&) const override {}
  void load(StateReader&) override {}

 private:
  void scatter(Floats values, MutFloats out) const {
    check(out.size() == count_, "as long as the layout");
    std::ranges::fill(out, 0.0f);
    for (std::size_t i = 0; i < values.size(); ++i) out[indices_[i]] = values[i];
  }

  std::size_t count_;
  float scale_ = 1;
  std::vector<std::uint32_t> indices_;  // of this step
  std::vector<float> own_, mean_;
};

}  // namespace

std::unique_ptr<LinearCompressor> make_linear_rand_k(const LinearRandKOptions& options,
                                                     const Layout& layout) {
  require_density(options.density);
  return std::make_unique<LinearRandK>(options, bucket_size(layout));
}

}  // namespace laconic
