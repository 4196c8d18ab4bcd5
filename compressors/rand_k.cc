// Rand-k: k coordinates, each set of them equally likely. The key that they are drawn from travels
// instead of them: 16 bytes, whatever k is.
#include <limits>

#include "compressors/kernels/random_indices.h"
#include "compressors/keyed.h"
#include "compressors/makers.h"

namespace laconic {
namespace {

class RandK final : public KeyedCompressor {
 public:
  RandK(const RandKOptions& options, const FrameOptions& frame)
      : KeyedCompressor(wire::Selection::rand_k, options.shared,
                        make_value_codec(options.values, options.unbiased ? Rounding::stochastic
                                                                          : Rounding::nearest),
                        frame),
        density_(options.density),
        unbiased_(options.unbiased) {}

  std::string_view name() const override { return "rand_k"; }
  bool fixed_size() const override { return true; }

  Guarantee guarantee(std::size_t count) const override {
    const double part = static_cast<double>(most_kept(count)) / static_cast<double>(count);
    return compose_values(unbiased_ ? Guarantee{1 / part - 1, 0}
                                    : Guarantee{std::numeric_limits<double>::infinity(), part},
                          count);
  }

 protected:
  std::size_t most_kept(std::size_t count) const override { return kept_elements(density_, count); }

  std::span<const std::uint32_t> draw(const RngKey& key, const wire::Section&, std::size_t count,
                                      Scratch& scratch) const override {
    const auto indices = scratch.take<std::uint32_t>(most_kept(count));
    random_subset(key, count, indices, scratch);
    return indices;
  }

  void scale(MutFloats values, std::size_t count) const override {
    if (!unbiased_ || values.empty()) return;
    const auto factor =
        static_cast<float>(static_cast<double>(count) / static_cast<double>(values.size()));
    for (float& value : values) value = factor * value;
  }

 private:
  double density_;
  bool unbiased_;
};

}  // namespace

std::unique_ptr<const Compressor> make_rand_k(const RandKOptions& options,
                                              const FrameOptions& frame) {
  require_density(options.density);
  return std::make_unique<const RandK>(options, frame);
}

}  // namespace laconic
