#include "problems/quadratic.h"

#include <algorithm>
#include <cmath>
#include <numeric>
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
  check_prox(options.prox);
}

std::vector<double> make_curvatures(const QuadraticOptions& options) {
  std::vector<double> curvatures(options.dimensions, 1.0);
  for (std::size_t i = 1; i < curvatures.size(); ++i)
    curvatures[i] = std::pow(options.condition,
                             static_cast<double>(i) / static_cast<double>(curvatures.size() - 1));
  return curvatures;
}

/// The root of a function that falls from above 0 at `low` to 0 or below at `high`, to the last
/// bit.
template <typename Function>
double find_root(double low, double high, Function function) {
  while (true) {
    const double middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) return high;
    (function(middle) > 0 ? low : high) = middle;
  }
}

/// argmin_x 1/2 (x - c)' D (x - c) + h(x), D diagonal: a coordinate at a time, but for what one
/// multiplier has to settle for all.
struct Minimise {
  const std::vector<double>& curvatures;
  const std::vector<double>& center;

  using Vector = std::vector<double>;

  template <typename Coordinate>
  Vector each(Coordinate coordinate) const {
    Vector x(center.size());
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = coordinate(curvatures[i], center[i]);
    return x;
  }

  Vector operator()(const NoProx&) const { return center; }
  Vector operator()(const BoxProx& box) const {
    return each([&](double, double c) { return std::clamp(c, box.low, box.high); });
  }
  Vector operator()(const L1Prox& l1) const {
    return each([&](double curvature, double c) {
      return std::copysign(std::max(std::abs(c) - l1.weight / curvature, 0.0), c);
    });
  }
  Vector operator()(const BallProx& ball) const {
    const auto at = [&](double multiplier) {
      return each([&](double d, double c) { return d * c / (d + multiplier); });
    };
    const auto excess = [&](double multiplier) {
      const Vector x = at(multiplier);
      return std::inner_product(x.begin(), x.end(), x.begin(), -ball.radius * ball.radius);
    };
    if (excess(0) <= 0) return center;
    double high = 1;
    while (excess(high) > 0) high *= 2;
    return at(find_root(0, high, excess));
  }
  Vector operator()(const SimplexProx&) const {
    const auto at = [&](double multiplier) {
      return each([&](double d, double c) { return std::max(c - multiplier / d, 0.0); });
    };
    const auto excess = [&](double multiplier) {
      const Vector x = at(multiplier);
      return std::accumulate(x.begin(), x.end(), -1.0);
    };
    double low = -1, high = 1;
    while (excess(low) <= 0) low *= 2;
    while (excess(high) > 0) high *= 2;
    return at(find_root(low, high, excess));
  }
};

class Quadratic final : public Oracle {
 public:
  Quadratic(const QuadraticOptions& options, std::uint64_t seed, int rank, int ranks)
      : layout_{{"x", 0, options.dimensions, 1}},
        prox_(options.prox),
        curvatures_(make_curvatures(options)),
        mean_(options.dimensions) {
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
      for (std::size_t i = 0; i < center.size(); ++i) mean_[i] += center[i] / ranks;
      squares += weighted_square(center) / ranks;
      if (r == rank) center_ = center;
    }
    unavoidable_ = 0.5 * (squares - weighted_square(mean_));
    solution_ = std::visit(Minimise{curvatures_, mean_}, prox_);
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

  bool has_prox() const override { return !std::holds_alternative<NoProx>(prox_); }
  void prox(float step, MutFloats x) const override { apply_prox(prox_, step, x); }

  Constants constants() const override {
    return {.smoothness = curvatures_.back(),
            .largest_smoothness = curvatures_.back(),
            .strong_convexity = curvatures_.front()};
  }

  Scores score(Floats at, Share) const override {
    check(at.size() == center_.size(), "vectors fit the problem");
    const auto* l1 = std::get_if<L1Prox>(&prox_);
    const double weight = l1 ? l1->weight : 0;
    Scores scores{.loss = unavoidable_, .gap = 0, .distance = 0, .examples = 1};
    for (std::size_t i = 0; i < at.size(); ++i) {
      const double off = at[i] - solution_[i], from_mean = at[i] - mean_[i];
      const double slope = curvatures_[i] * (solution_[i] - mean_[i]);
      const double penalty = weight * std::abs(double{at[i]});
      scores.distance += off * off;
      scores.gap += 0.5 * curvatures_[i] * off * off + slope * off + penalty -
                    weight * std::abs(solution_[i]);
      scores.loss += 0.5 * curvatures_[i] * from_mean * from_mean + penalty;
    }
    return scores;
  }

 private:
  double weighted_square(const std::vector<double>& c) const {
    double sum = 0;
    for (std::size_t i = 0; i < c.size(); ++i) sum += curvatures_[i] * c[i] * c[i];
    return sum;
  }

  Layout layout_;
  ProxOptions prox_;
  std::vector<double> curvatures_;
  std::vector<double> center_, mean_;  // of f_m and of f
  std::vector<double> solution_;
  double unavoidable_ = 0;  // f at mean_: what ranks disagree by
};

}  // namespace

std::unique_ptr<Oracle> make_quadratic(const QuadraticOptions& options, std::uint64_t seed,
                                       int rank, int ranks) {
  check_options(options);
  check(0 <= rank && rank < ranks, "a rank below the number of ranks");
  return std::make_unique<Quadratic>(options, seed, rank, ranks);
}

}  // namespace laconic
