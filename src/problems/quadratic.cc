#include "problems/quadratic.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/check.h"
#include "base/errors.h"

namespace laconic {
namespace {

void check_options(const QuadraticOptions& options) {
  if (options.dimensions < 1) throw ConfigError("dimensions", "expected at least 1");
  if (!(options.condition >= 1 && std::isfinite(options.condition)))
    throw ConfigError("condition", "expected at least 1");
  if (!(options.spread >= 0 && std::isfinite(options.spread)))
    throw ConfigError("spread", "expected 0 or a positive number");
}

std::vector<double> make_curvatures(const QuadraticOptions& options) {
  std::vector<double> curvatures(options.dimensions, 1.0);
  for (std::size_t i = 1; i < curvatures.size(); ++i)
    curvatures[i] = std::pow(options.condition,
                             static_cast<double>(i) / static_cast<double>(curvatures.size() - 1));
  return curvatures;
}

class Quadratic final : public Oracle {
 public:
  Quadratic(const QuadraticOptions& options, std::uint64_t seed, int rank, int ranks)
      : layout_{{"x", 0, options.dimensions, 1}},
        curvatures_(make_curvatures(options)),
        solution_(options.dimensions) {
    const auto center_of = [&](int r) {
      const RngKey shared = make_key(seed, kEveryRank, 0, RngPurpose::problem);
      const RngKey own = make_key(seed, static_cast<std::uint32_t>(r), 0, RngPurpose::problem);
      std::vector<double> center(options.dimensions);
      for (std::size_t i = 0; i < center.size(); ++i)
        center[i] = normal(shared, i) + options.spread * normal(own, i);
      return center;
    };
    double squares = 0;  // mean over ranks of c_m' D c_m
    for (int r = 0; r < ranks; ++r) {
      const auto center = center_of(r);
      for (std::size_t i = 0; i < center.size(); ++i) solution_[i] += center[i] / ranks;
      squares += weighted_square(center) / ranks;
      if (r == rank) center_ = center;
    }
    minimum_ = 0.5 * (squares - weighted_square(solution_));
  }

  const Layout& layout() const override { return layout_; }
  void initialize(RngKey, MutFloats x) const override { std::fill(x.begin(), x.end(), 0.0f); }
  std::uint64_t examples() const override { return 0; }

  double evaluate(Floats at, const Sample&, MutFloats out, const ReadyFn&) override {
    check(at.size() == center_.size() && out.size() == center_.size(), "vectors fit the problem");
    double loss = 0;
    for (std::size_t i = 0; i < center_.size(); ++i) {
      const double difference = at[i] - center_[i];
      const double gradient = curvatures_[i] * difference;
      loss += 0.5 * gradient * difference;
      out[i] = static_cast<float>(gradient);
    }
    return loss;
  }

  void hessian_vector(Floats, const Sample&, Floats v, MutFloats out) override {
    check(v.size() == center_.size() && out.size() == center_.size(), "vectors fit the problem");
    for (std::size_t i = 0; i < v.size(); ++i) out[i] = static_cast<float>(curvatures_[i] * v[i]);
  }

  Constants constants() const override {
    return {.smoothness = curvatures_.back(),
            .largest_smoothness = curvatures_.back(),
            .strong_convexity = curvatures_.front()};
  }

  Scores score(Floats at, Share) const override {
    check(at.size() == center_.size(), "vectors fit the problem");
    Scores scores{.gap = 0, .distance = 0, .examples = 1};
    for (std::size_t i = 0; i < at.size(); ++i) {
      const double difference = at[i] - solution_[i];
      scores.distance += difference * difference;
      scores.gap += 0.5 * curvatures_[i] * difference * difference;
    }
    scores.loss = minimum_ + scores.gap;
    return scores;
  }

 private:
  double weighted_square(const std::vector<double>& c) const {
    double sum = 0;
    for (std::size_t i = 0; i < c.size(); ++i) sum += curvatures_[i] * c[i] * c[i];
    return sum;
  }

  Layout layout_;
  std::vector<double> curvatures_, center_, solution_;
  double minimum_ = 0;
};

}  // namespace

std::unique_ptr<Oracle> make_quadratic(const QuadraticOptions& options, std::uint64_t seed,
                                       int rank, int ranks) {
  check_options(options);
  check(0 <= rank && rank < ranks, "a rank below the number of ranks");
  return std::make_unique<Quadratic>(options, seed, rank, ranks);
}

}  // namespace laconic
