#include "problems/logistic.h"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <vector>

#include "base/check.h"
#include "base/errors.h"
#include "problems/spectrum.h"

namespace laconic {
namespace {

/// log(1 + exp(-t)), without overflow.
double logistic_loss(double t) {
  return t > 0 ? std::log1p(std::exp(-t)) : std::log1p(std::exp(t)) - t;
}

/// 1 / (1 + exp(t)), without overflow: minus the derivative of the loss.
double sigmoid_of_minus(double t) {
  const double e = std::exp(-std::abs(t));
  return t > 0 ? e / (1 + e) : 1 / (1 + e);
}

std::string written(double label) {
  std::ostringstream text;
  text << label;
  return text.str();
}

struct LabelPair {
  double low, high;
};

LabelPair find_labels(const LibsvmData& data) {
  const auto [low, high] = std::minmax_element(data.labels.begin(), data.labels.end());
  if (*low == *high)
    throw DataError(data.file, "all labels are " + written(*low) + ", expected two values");
  return {*low, *high};
}

/// 0 for the lower label, 1 for the higher.
std::vector<std::uint32_t> classes_of(const LibsvmData& data, const LabelPair& labels) {
  std::vector<std::uint32_t> classes(data.rows());
  for (std::size_t i = 0; i < data.rows(); ++i) {
    const double label = data.labels[i];
    if (label != labels.low && label != labels.high)
      throw DataError(data.file, i + 1,
                      "label " + written(label) + " is neither " + written(labels.low) + " nor " +
                          written(labels.high));
    classes[i] = label == labels.high;
  }
  return classes;
}

/// A file's rows with their classes.
struct Examples {
  std::shared_ptr<const LibsvmData> data;
  std::vector<std::uint32_t> classes;

  double sign(std::size_t row) const { return classes[row] ? 1 : -1; }

  /// Works on Floats and on spans of double alike.
  template <typename Vector>
  double product(std::size_t row, const Vector& x) const {
    double sum = 0;
    for (std::uint64_t e = data->begins[row]; e < data->begins[row + 1]; ++e)
      sum += double{data->values[e]} * x[data->columns[e]];
    return sum;
  }

  void add(std::size_t row, double factor, std::span<double> sum) const {
    for (std::uint64_t e = data->begins[row]; e < data->begins[row + 1]; ++e)
      sum[data->columns[e]] += factor * data->values[e];
  }
};

class Logistic final : public Oracle {
 public:
  Logistic(const LogisticOptions& options, const LogisticData& data, std::uint64_t seed, int rank,
           int ranks)
      : l2_(options.l2),
        partition_(options.partition),
        seed_(seed),
        ranks_(ranks),
        labels_(find_labels(*data.train)),
        train_{data.train, classes_of(*data.train, labels_)},
        sampler_(rows_of(rank),
                 make_key(seed, static_cast<std::uint32_t>(rank), 0, RngPurpose::sample)) {
    std::size_t width = data.train->width;
    if (data.test) {
      test_ = {data.test, classes_of(*data.test, labels_)};
      width = std::max<std::size_t>(width, data.test->width);
    }
    layout_ = {{"weights", 0, width, 1}};
    sum_.resize(width);
  }

  const Layout& layout() const override { return layout_; }
  void initialize(RngKey, MutFloats x) const override { std::fill(x.begin(), x.end(), 0.0f); }
  std::uint64_t examples() const override { return sampler_.examples(); }

  double evaluate(Floats at, const Sample& sample, MutFloats out, const ReadyFn&) override {
    check(at.size() == sum_.size() && out.size() == sum_.size(), "vectors fit the problem");
    const auto rows = sampler_.batch(sample.draw, sample.size);
    std::fill(sum_.begin(), sum_.end(), 0.0);
    double loss = 0;
    for (const std::uint32_t row : rows) {
      const double sign = train_.sign(row), margin = sign * train_.product(row, at);
      loss += logistic_loss(margin);
      train_.add(row, -sign * sigmoid_of_minus(margin), sum_);
    }
    finish_sum(rows.size(), at, out);
    return loss / static_cast<double>(rows.size()) + penalty(at);
  }

  void hessian_vector(Floats at, const Sample& sample, Floats v, MutFloats out) override {
    check(at.size() == sum_.size() && v.size() == sum_.size() && out.size() == sum_.size(),
          "vectors fit the problem");
    const auto rows = sampler_.batch(sample.draw, sample.size);
    std::fill(sum_.begin(), sum_.end(), 0.0);
    for (const std::uint32_t row : rows) {
      const double s = sigmoid_of_minus(train_.product(row, at));
      train_.add(row, s * (1 - s) * train_.product(row, v), sum_);
    }
    finish_sum(rows.size(), v, out);
  }

  Constants constants() const override {
    std::vector<std::uint32_t> all;
    double largest = 0;
    for (int r = 0; r < ranks_; ++r) {
      const auto rows = rows_of(r);
      largest = std::max(largest, smoothness(rows));
      all.insert(all.end(), rows.begin(), rows.end());
    }
    return {.smoothness = smoothness(all), .largest_smoothness = largest, .strong_convexity = l2_};
  }

  Scores score(Floats at, Share share) const override {
    check(at.size() == sum_.size(), "vectors fit the problem");
    const Examples& held = test_.data ? test_ : train_;
    const auto bound = [&](int i) { return held.data->rows() * i / share.count; };
    const std::size_t begin = bound(share.index), end = bound(share.index + 1);
    double loss = 0;
    std::uint64_t right = 0;
    for (std::size_t row = begin; row < end; ++row) {
      const double product = held.product(row, at);
      loss += logistic_loss(held.sign(row) * product);
      right += (product > 0) == (held.classes[row] == 1);
    }
    const double count = static_cast<double>(end - begin);
    return {.loss = loss / count + penalty(at),
            .accuracy = static_cast<double>(right) / count,
            .examples = end - begin};
  }

 private:
  /// The same on every rank that asks.
  std::vector<std::uint32_t> rows_of(int rank) const {
    const RngKey shared = make_key(seed_, kEveryRank, 0, RngPurpose::partition);
    return partition_examples(train_.classes, partition_, shared, rank, ranks_);
  }

  double penalty(Floats at) const {
    double squares = 0;
    for (const float value : at) squares += double{value} * double{value};
    return 0.5 * l2_ * squares;
  }

  /// out = sum_ / count + l2 x.
  void finish_sum(std::size_t count, Floats x, MutFloats out) const {
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = static_cast<float>(sum_[i] / static_cast<double>(count) + l2_ * x[i]);
  }

  /// Of the mean over `rows`: the loss has second derivatives up to 1/4, so A'A / 4n + l2 bounds
  /// the Hessian.
  double smoothness(std::span<const std::uint32_t> rows) const {
    const auto product = [&](std::span<const double> v, std::span<double> out) {
      std::fill(out.begin(), out.end(), 0.0);
      for (const std::uint32_t row : rows) train_.add(row, train_.product(row, v), out);
    };
    const RngKey key = make_key(seed_, kEveryRank, 0, RngPurpose::problem);
    return largest_eigenvalue_bound(sum_.size(), product, key) /
               (4 * static_cast<double>(rows.size())) +
           l2_;
  }

  double l2_;
  Partition partition_;
  std::uint64_t seed_;
  int ranks_;
  LabelPair labels_;
  Examples train_, test_;
  BatchSampler sampler_;
  Layout layout_;
  std::vector<double> sum_;  // working memory of a gradient
};

}  // namespace

LogisticData load_logistic(const LogisticOptions& options) {
  return {.train = load_libsvm(options.path),
          .test = options.test_path.empty() ? nullptr : load_libsvm(options.test_path)};
}

std::unique_ptr<Oracle> make_logistic(const LogisticOptions& options, const LogisticData& data,
                                      std::uint64_t seed, int rank, int ranks) {
  check(0 <= rank && rank < ranks, "a rank below the number of ranks");
  if (!(options.l2 >= 0 && std::isfinite(options.l2)))
    throw ConfigError("l2", "expected 0 or a positive number");
  if (data.train->rows() < static_cast<std::size_t>(ranks))
    throw DataError(data.train->file, std::to_string(data.train->rows()) + " examples for " +
                                          std::to_string(ranks) + " ranks");
  return std::make_unique<Logistic>(options, data, seed, rank, ranks);
}

}  // namespace laconic
