// Top-k: the k largest magnitudes, ties to the lowest index. Zeros are never sent: the receiver has
// them already.
#include <algorithm>
#include <bit>
#include <limits>

#include "compressors/kernels/vectors.h"
#include "compressors/makers.h"
#include "compressors/sparse.h"

namespace laconic {
namespace {

// Magnitudes of finite floats compare as their bits do.
std::uint32_t magnitude_bits(float x) { return std::bit_cast<std::uint32_t>(x) & 0x7fffffff; }

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
    require_finite(in);
    return largest(in, most_kept(in.size()), scratch);
  }

  Kept take(Floats gradient, MutFloats residual, Feedback feedback,
            Scratch& scratch) const override {
    add_feedback(gradient, residual, feedback, residual);
    const Kept kept = largest(residual, most_kept(residual.size()), scratch);
    for (const std::uint32_t index : kept.indices) residual[index] = 0;
    return kept;
  }

 private:
  static Kept largest(Floats in, std::size_t k, Scratch& scratch) {
    const auto indices = scratch.take<std::uint32_t>(k);
    const auto values = scratch.take<float>(k);
    if (in.empty()) return {indices, values};
    const auto magnitudes = scratch.take<std::uint32_t>(in.size());
    std::ranges::transform(in, magnitudes.begin(), magnitude_bits);
    std::ranges::nth_element(magnitudes, magnitudes.begin() + static_cast<std::ptrdiff_t>(k - 1),
                             std::greater<>());
    const std::uint32_t threshold = magnitudes[k - 1];
    // Those above the threshold are fewer than k; the rest is filled up with the first equal ones.
    const auto above = [&](float x) { return magnitude_bits(x) > threshold; };
    std::size_t equal = k - static_cast<std::size_t>(std::ranges::count_if(in, above));
    if (threshold == 0) equal = 0;
    std::size_t n = 0;
    for (std::size_t i = 0; i < in.size() && n < k; ++i) {
      const bool tie = equal > 0 && magnitude_bits(in[i]) == threshold;
      if (!tie && !above(in[i])) continue;
      equal -= tie ? 1 : 0;
      indices[n] = static_cast<std::uint32_t>(i);
      values[n++] = in[i];
    }
    return {indices.first(n), values.first(n)};
  }

  double density_;
};

}  // namespace

std::unique_ptr<const Compressor> make_top_k(const TopKOptions& options,
                                             const FrameOptions& frame) {
  require_density(options.density);
  return std::make_unique<const TopK>(options, frame);
}

}  // namespace laconic
