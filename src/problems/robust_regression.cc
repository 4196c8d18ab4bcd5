#include "problems/robust_regression.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/check.h"
#include "base/errors.h"
#include "problems/prox.h"
#include "problems/spectrum.h"

namespace laconic {
namespace {

using Doubles = std::vector<double>;

/// All that f depends on: means over some examples (a, b).
struct Moments {
  explicit Moments(std::size_t width) : second(width * width), mixed(width), mean(width) {}

  void add(const LibsvmData& data, std::size_t row, double weight) {
    const double b = data.labels[row];
    const std::size_t width = mean.size();
    for (std::uint64_t i = data.begins[row]; i < data.begins[row + 1]; ++i) {
      const std::size_t column = data.columns[i];
      const double value = weight * data.values[i];
      mean[column] += value;
      mixed[column] += value * b;
      for (std::uint64_t j = data.begins[row]; j < data.begins[row + 1]; ++j)
        second[column * width + data.columns[j]] += value * data.values[j];
    }
    label += weight * b;
    label_square += weight * b * b;
  }

  /// out = mean of a a' v.
  void multiply(std::span<const double> v, std::span<double> out) const {
    for (std::size_t i = 0; i < v.size(); ++i)
      out[i] = dot(std::span(second).subspan(i * v.size(), v.size()), v);
  }

  /// Means of (w'a - b) and of its square.
  struct Errors {
    double mean, square;
  };
  Errors errors(std::span<const double> w) const {
    Doubles image(w.size());
    multiply(w, image);
    return {dot(w, mean) - label, dot(w, image) - 2 * dot(w, mixed) + label_square};
  }

  Doubles second, mixed, mean;  ///< Of a a', row after row; of b a; of a.
  double label = 0, label_square = 0;
};

/// Each label's place among those that occur: what by_label sorts by.
std::vector<std::uint32_t> places_of(const Doubles& labels) {
  Doubles sorted = labels;
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::uint32_t> places(labels.size());
  for (std::size_t i = 0; i < labels.size(); ++i)
    places[i] = static_cast<std::uint32_t>(
        std::lower_bound(sorted.begin(), sorted.end(), labels[i]) - sorted.begin());
  return places;
}

/// f over some examples, by their moments, and its best answers on the balls.
class Problem {
 public:
  Problem(const RobustRegressionOptions& options, Moments moments)
      : options_(options), moments_(std::move(moments)) {}

  double value(std::span<const double> w, std::span<const double> r) const {
    const auto [error, square] = moments_.errors(w);
    const double shift = dot(w, r);
    return (square + 2 * shift * error + shift * shift) / 2 + options_.w_l2 / 2 * dot(w, w) -
           options_.r_l2 / 2 * dot(r, r);
  }

  /// The r that is worst for w. f depends on r through w'r and |r| alone, so that r is a multiple t
  /// of w / |w|: a parabola in t.
  Doubles worst(std::span<const double> w) const {
    const double norm = std::sqrt(dot(w, w));
    Doubles r(w.size());
    if (norm == 0) return r;
    const double slope = moments_.errors(w).mean * norm;
    const double curvature = options_.r_l2 - norm * norm;
    const double radius = options_.r_radius;
    // Where the parabola is flat (a w on its sphere, r_l2 = w_radius²) an end of the ball is best.
    const double t =
        curvature * radius > std::abs(slope) ? slope / curvature : std::copysign(radius, slope);
    for (std::size_t i = 0; i < r.size(); ++i) r[i] = t / norm * w[i];
    return r;
  }

  /// The w that is best against r: ridge regression on moved examples, with as much more of a ridge
  /// as takes it into the ball. |w| falls with the ridge; Newton's method on 1/|w|, which is nearly
  /// linear in it and concave, approaches from one side (More and Sorensen 1983).
  Doubles best(std::span<const double> r) const {
    Doubles right(r.size());
    for (std::size_t i = 0; i < r.size(); ++i) right[i] = moments_.mixed[i] + moments_.label * r[i];
    double extra = 0;
    for (int iteration = 0; iteration < 100; ++iteration) {
      const auto product = [&](std::span<const double> v, std::span<double> out) {
        moments_.multiply(v, out);
        const double rv = dot(r, v), av = dot(moments_.mean, v);
        for (std::size_t i = 0; i < v.size(); ++i)
          out[i] += moments_.mean[i] * rv + r[i] * (av + rv) + (options_.w_l2 + extra) * v[i];
      };
      Doubles w = solve(product, right);
      const double square = dot(w, w), norm = std::sqrt(square);
      const double excess = (norm - options_.w_radius) / options_.w_radius;
      if (excess <= 1e-12) return w;
      extra += excess * square / dot(w, solve(product, w));
    }
    throw NumericError("robust_regression: no multiplier takes the best weights into their ball");
  }

  double gap(std::span<const double> w, std::span<const double> r) const {
    return value(w, worst(w)) - value(best(r), r);
  }

  /// On the balls, from above: the larger of the two diagonal blocks of F's derivative and the one
  /// beside them. ww: mean of (a + r)(a + r)' + w_l2; rr: r_l2 - ww'; wr: mean of
  /// (w'(a + r) - b) I + (a + r) w'.
  double smoothness(const RngKey& key) const {
    const auto product = [&](std::span<const double> v, std::span<double> out) {
      moments_.multiply(v, out);
    };
    const double largest = largest_eigenvalue_bound(moments_.mean.size(), product, key);
    const auto& [path, w_radius, r_radius, w_l2, r_l2, partition] = options_;
    const double mean = std::sqrt(dot(moments_.mean, moments_.mean));
    const double moved = std::sqrt(largest) + r_radius;
    const double beside = 2 * w_radius * (mean + r_radius) + std::abs(moments_.label);
    return std::max(moved * moved + w_l2, r_l2) + beside;
  }

 private:
  RobustRegressionOptions options_;
  Moments moments_;
};

class RobustRegression final : public Oracle {
 public:
  RobustRegression(const RobustRegressionOptions& options, std::shared_ptr<const LibsvmData> data,
                   std::uint64_t seed, int rank, int ranks)
      : options_(options),
        data_(std::move(data)),
        key_(make_key(seed, kEveryRank, 0, RngPurpose::problem)),
        ranks_(ranks),
        places_(places_of(data_->labels)),
        partition_key_(make_key(seed, kEveryRank, 0, RngPurpose::partition)),
        sampler_(rows_of(rank),
                 make_key(seed, static_cast<std::uint32_t>(rank), 0, RngPurpose::sample)),
        width_(data_->width),
        layout_{{"weights", 0, width_, 1}, {"shift", width_, width_, 1}},
        mean_(options, moments_of(0, ranks)),
        sum_(width_) {}

  const Layout& layout() const override { return layout_; }
  void initialize(RngKey, MutFloats z) const override { std::fill(z.begin(), z.end(), 0.0f); }
  std::uint64_t examples() const override { return sampler_.examples(); }

  /// With e = w'(a + r) - b: df/dw = mean e (a + r) + w_l2 w, df/dr = mean e w - r_l2 r.
  double evaluate(Floats at, const Sample& sample, MutFloats out, const ReadyFn&) override {
    check(at.size() == 2 * width_ && out.size() == 2 * width_, "vectors fit the problem");
    const Floats w = at.first(width_), r = at.last(width_);
    const auto rows = sampler_.batch(sample.draw, sample.size);
    const double weight = 1 / static_cast<double>(rows.size());
    double shift = 0, ww = 0, rr = 0;
    for (std::size_t i = 0; i < width_; ++i) {
      shift += double{w[i]} * r[i];
      ww += double{w[i]} * w[i];
      rr += double{r[i]} * r[i];
    }
    std::fill(sum_.begin(), sum_.end(), 0.0);
    double mean_error = 0, mean_square = 0;
    for (const std::uint32_t row : rows) {
      const double error = product(row, w) + shift - data_->labels[row];
      mean_error += weight * error;
      mean_square += weight * error * error;
      for (std::uint64_t e = data_->begins[row]; e < data_->begins[row + 1]; ++e)
        sum_[data_->columns[e]] += weight * error * data_->values[e];
    }
    for (std::size_t i = 0; i < width_; ++i) {
      out[i] = static_cast<float>(sum_[i] + mean_error * r[i] + options_.w_l2 * w[i]);
      out[width_ + i] = static_cast<float>(options_.r_l2 * r[i] - mean_error * w[i]);
    }
    return (mean_square + options_.w_l2 * ww - options_.r_l2 * rr) / 2;
  }

  bool has_prox() const override { return true; }
  void prox(float step, MutFloats z) const override {
    apply_prox(BallProx{options_.w_radius}, step, z.first(width_));
    apply_prox(BallProx{options_.r_radius}, step, z.last(width_));
  }

  Constants constants() const override {
    double largest = 0;
    for (int r = 0; r < ranks_; ++r)
      largest = std::max(largest, Problem(options_, moments_of(r, r + 1)).smoothness(key_));
    return {.smoothness = mean_.smoothness(key_),
            .largest_smoothness = largest,
            .strong_convexity =
                std::min(options_.w_l2, options_.r_l2 - options_.w_radius * options_.w_radius)};
  }

  Scores score(Floats at, Share) const override {
    check(at.size() == 2 * width_, "vectors fit the problem");
    const auto middle = at.begin() + static_cast<std::ptrdiff_t>(width_);
    const Doubles w(at.begin(), middle), r(middle, at.end());
    return {.loss = mean_.value(w, r), .gap = mean_.gap(w, r), .examples = 1};
  }

 private:
  /// The same on every rank that asks.
  std::vector<std::uint32_t> rows_of(int rank) const {
    return partition_examples(places_, options_.partition, partition_key_, rank, ranks_);
  }

  /// Of the examples of ranks first to last - 1.
  Moments moments_of(int first, int last) const {
    Moments moments(width_);
    for (int r = first; r < last; ++r) {
      const auto rows = rows_of(r);
      const double weight =
          1 / static_cast<double>(rows.size() * static_cast<std::size_t>(last - first));
      for (const std::uint32_t row : rows) moments.add(*data_, row, weight);
    }
    return moments;
  }

  double product(std::size_t row, Floats w) const {
    double sum = 0;
    for (std::uint64_t e = data_->begins[row]; e < data_->begins[row + 1]; ++e)
      sum += double{data_->values[e]} * w[data_->columns[e]];
    return sum;
  }

  RobustRegressionOptions options_;
  std::shared_ptr<const LibsvmData> data_;
  RngKey key_;
  int ranks_;
  std::vector<std::uint32_t> places_;
  RngKey partition_key_;
  BatchSampler sampler_;
  std::size_t width_;
  Layout layout_;
  Problem mean_;
  Doubles sum_;  // working memory of df/dw
};

void check_options(const RobustRegressionOptions& options) {
  const auto require = [](bool holds, const char* field, const char* expected) {
    if (!holds) throw ConfigError(field, expected);
  };
  const auto positive = [](double value) { return value > 0 && std::isfinite(value); };
  require(positive(options.w_radius), "w_radius", "expected a positive number");
  require(positive(options.r_radius), "r_radius", "expected a positive number");
  require(positive(options.w_l2), "w_l2", "expected a positive number");
  require(positive(options.r_l2) && options.r_l2 >= options.w_radius * options.w_radius, "r_l2",
          "expected w_radius squared or more");
}

}  // namespace

std::unique_ptr<Oracle> make_robust_regression(const RobustRegressionOptions& options,
                                               std::shared_ptr<const LibsvmData> data,
                                               std::uint64_t seed, int rank, int ranks) {
  constexpr std::uint32_t kMostColumns = 4096;
  check(0 <= rank && rank < ranks, "a rank below the number of ranks");
  check_options(options);
  if (data->width > kMostColumns)
    throw DataError(data->file, std::to_string(data->width) + " columns, more than " +
                                    std::to_string(kMostColumns));
  if (data->rows() < static_cast<std::size_t>(ranks))
    throw DataError(data->file, std::to_string(data->rows()) + " examples for " +
                                    std::to_string(ranks) + " ranks");
  return std::make_unique<RobustRegression>(options, std::move(data), seed, rank, ranks);
}

}  // namespace laconic
