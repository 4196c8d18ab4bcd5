// Stratified Rand-k: the vector is cut into k strata of n/k neighbours, and one coordinate is drawn
// from each. Like Rand-k unbiased, once a value is multiplied by the size of its stratum, and with
// nearly the same variance; but coordinates come in order and at a fixed cost, several times faster
// than a random subset.
#include <limits>

#include "compressors/kernels/random_indices.h"
#include "compressors/keyed.h"
#include "compressors/makers.h"

namespace laconic {
namespace {

class StratifiedRandK final : public KeyedCompressor {
 public:
  StratifiedRandK(const StratifiedRandKOptions& options, const FrameOptions& frame)
      : KeyedCompressor(wire::Selection::stratified_rand_k, options.shared,
                        make_value_codec(options.values, options.unbiased ? Rounding::stochastic
                                                                          : Rounding::nearest),
                        frame),
        density_(options.density),
        unbiased_(options.unbiased) {}

  std::string_view name() const override { return "stratified_rand_k"; }
  bool fixed_size() const override { return true; }

  // An element of a stratum of s is sent s times as large with probability 1/s: a variance of
  // (s - 1) of its square.
  Guarantee guarantee(std::size_t count) const override {
    if (count == 0) return {0, 1};
    const double largest = Strata(count, most_kept(count)).size_of(0);
    return compose_values(unbiased_
                              ? Guarantee{largest - 1, 0}
                              : Guarantee{std::numeric_limits<double>::infinity(), 1 / largest},
                          count);
  }

 protected:
  std::size_t most_kept(std::size_t count) const override { return kept_elements(density_, count); }

  std::span<const std::uint32_t> draw(const RngKey& key, const wire::Section&, std::size_t count,
                                      Scratch& scratch) const override {
    const auto indices = scratch.take<std::uint32_t>(most_kept(count));
    random_of_strata(key, count, indices);
    return indices;
  }

  void scale(MutFloats values, std::size_t count) const override {
    if (!unbiased_ || values.empty()) return;
    const Strata strata(count, values.size());
    for (std::size_t j = 0; j < values.size(); ++j)
      values[j] = static_cast<float>(strata.size_of(j)) * values[j];
  }

 private:
  double density_;
  bool unbiased_;
};

}  // namespace

std::unique_ptr<const Compressor> make_stratified_rand_k(const StratifiedRandKOptions& options,
                                                         const FrameOptions& frame) {
  require_density(options.density);
  return std::make_unique<const StratifiedRandK>(options, frame);
}

}  // namespace laconic
