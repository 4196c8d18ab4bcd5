// Threshold: every magnitude from t on, however many there are. What t is relative to decides what
// is promised.
//
// - To 1: what is dropped is below t, so |C(x) - x|² <= n t² whatever x is (an absolute compressor:
//   Sahu et al., NeurIPS 2021). Error feedback then sends each element as often as it is worth it.
// - To the largest magnitude, t <= 1: |C(x) - x|² <= (n-1) t² max² while at least max² is kept, so
//   alpha = 1 / (1 + (n-1) t²).
// - To the root of the mean square r: |C(x) - x|² <= n t² r² = t² |x|²; and since the largest
//   magnitude is kept in any case, which holds 1/n of |x|², alpha = max(1 - t², 1/n).
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/errors.h"
#include "compressors/kernels/scan.h"
#include "compressors/kernels/vectors.h"
#include "compressors/makers.h"
#include "compressors/sparse.h"

namespace laconic {
namespace {

constexpr std::size_t kPiece = 4096;  // sits in the first cache

class Threshold final : public SparseCompressor {
 public:
  Threshold(const ThresholdOptions& options, const FrameOptions& frame)
      : SparseCompressor(wire::Selection::threshold, IndexCoding::automatic,
                         make_value_codec(options.values, Rounding::nearest), frame),
        at_(options.at),
        relative_to_(options.relative_to) {}

  std::string_view name() const override { return "threshold"; }

  Guarantee guarantee(std::size_t count) const override {
    if (count == 0) return {0, 1};
    return compose(selection_guarantee(static_cast<double>(count)), value_guarantee(count));
  }

 protected:
  std::size_t most_kept(std::size_t count) const override { return count; }

  Kept select(Floats in, Scratch& scratch) const override {
    return collect(in, least_key(in), scratch);
  }

  Kept take(Floats gradient, MutFloats residual, Feedback feedback, ValueLoss loss,
            Scratch& scratch) const override {
    add_feedback(gradient, residual, feedback, residual, threads());
    const Kept kept = collect(residual, least_key(residual), scratch);
    leave_losses(kept, loss, residual);
    return kept;
  }

 private:
  Guarantee selection_guarantee(double n) const {
    constexpr double kBiased = std::numeric_limits<double>::infinity();
    using enum ThresholdOptions::RelativeTo;
    switch (relative_to_) {
      case one:
        return {kBiased, 1, n * at_ * at_};
      case largest:
        return {kBiased, 1 / (1 + (n - 1) * at_ * at_)};
      case mean_square:
        return {kBiased, std::max(1 - at_ * at_, 1 / n)};
    }
    return {kBiased, 0};
  }

  // Sums of pieces are floats, their sum is a double: the same bits on every machine.
  static double root_mean_square(Floats in, float largest) {
    const float binade = binade_of(largest);
    double squares = 0;
    for (std::size_t begin = 0; begin < in.size(); begin += kPiece)
      squares += sum_of_squares(in.subspan(begin, std::min(kPiece, in.size() - begin)), 1 / binade);
    return in.empty() ? 0 : binade * std::sqrt(squares / static_cast<double>(in.size()));
  }

  double threshold(Floats in) const {
    using enum ThresholdOptions::RelativeTo;
    const float most = largest_magnitude(in);
    switch (relative_to_) {
      case one:
        return at_;
      case largest:
        return at_ * most;
      case mean_square:
        return std::min(at_ * root_mean_square(in, most), double{most});
    }
    return most;
  }

  // The least key that is kept; zeros never are.
  std::uint32_t least_key(Floats in) const {
    const double least = threshold(in);
    constexpr double kLargest = std::numeric_limits<float>::max();
    if (least > kLargest) return kernels::kInfinityKey;
    return std::max(kernels::magnitude_key(static_cast<float>(least)), 1u);
  }

  static Kept collect(Floats in, std::uint32_t least, Scratch& scratch) {
    const auto indices = scratch.take<std::uint32_t>(in.size() + kernels::kPositionSlack);
    std::size_t kept = 0;
    for (std::size_t begin = 0; begin < in.size(); begin += kPiece)
      kept += kernels::scan(in.subspan(begin, std::min(kPiece, in.size() - begin)), least,
                            static_cast<std::uint32_t>(begin), &indices[kept]);
    const MutFloats values = scratch.take<float>(kept);
    for (std::size_t i = 0; i < kept; ++i) values[i] = in[indices[i]];
    return {indices.first(kept), values};
  }

  double at_;
  ThresholdOptions::RelativeTo relative_to_;
};

}  // namespace

std::unique_ptr<const Compressor> make_threshold(const ThresholdOptions& options,
                                                 const FrameOptions& frame) {
  if (!(options.at > 0 && std::isfinite(options.at))) throw ConfigError("at", "above 0");
  if (options.relative_to == ThresholdOptions::RelativeTo::largest && options.at > 1)
    throw ConfigError("at", "at most 1, being a part of the largest magnitude");
  return std::make_unique<const Threshold>(options, frame);
}

}  // namespace laconic
