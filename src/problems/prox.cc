#include "problems/prox.h"

#include <algorithm>
#include <cmath>

#include "base/errors.h"

namespace laconic {
namespace {

void require(bool holds, const char* field, const char* expected) {
  if (!holds) throw ConfigError(field, expected);
}

/// What all coordinates are lowered by, before those below 0 become 0, for their sum to be 1.
/// Michelot (1986): start as if none became 0, drop those that would, start again without them. The
/// threshold only rises, so that nothing dropped comes back.
double simplex_threshold(Floats x) {
  double sum = 0;
  for (const float value : x) sum += value;
  std::size_t kept = x.size();
  while (true) {
    const double threshold = (sum - 1) / static_cast<double>(kept);
    std::size_t above = 0;
    sum = 0;
    for (const float value : x)
      if (value > threshold) {
        ++above;
        sum += value;
      }
    if (above == kept || above == 0) return threshold;
    kept = above;
  }
}

struct Apply {
  float step;
  MutFloats x;

  void operator()(const NoProx&) const {}
  void operator()(const BallProx& ball) const {
    double squares = 0;
    for (const float value : x) squares += double{value} * double{value};
    if (squares <= ball.radius * ball.radius) return;
    const double factor = ball.radius / std::sqrt(squares);
    for (float& value : x) value = static_cast<float>(factor * value);
  }
  void operator()(const BoxProx& box) const {
    const auto low = static_cast<float>(box.low), high = static_cast<float>(box.high);
    for (float& value : x) value = std::clamp(value, low, high);
  }
  void operator()(const SimplexProx&) const {
    const double threshold = simplex_threshold(x);
    for (float& value : x) value = static_cast<float>(std::max(value - threshold, 0.0));
  }
  void operator()(const L1Prox& l1) const {
    const double threshold = double{step} * l1.weight;
    for (float& value : x) {
      const double shrunk = std::max(std::abs(double{value}) - threshold, 0.0);
      value = static_cast<float>(std::copysign(shrunk, value));
    }
  }
};

struct Check {
  void operator()(const NoProx&) const {}
  void operator()(const BallProx& ball) const {
    require(ball.radius > 0 && std::isfinite(ball.radius), "radius", "expected a positive number");
  }
  void operator()(const BoxProx& box) const {
    require(std::isfinite(box.low) && std::isfinite(box.high), "low", "expected a finite number");
    require(box.low <= box.high, "low", "expected no more than high");
  }
  void operator()(const SimplexProx&) const {}
  void operator()(const L1Prox& l1) const {
    require(l1.weight >= 0 && std::isfinite(l1.weight), "weight",
            "expected 0 or a positive number");
  }
};

}  // namespace

void check_prox(const ProxOptions& options) { std::visit(Check{}, options); }

void apply_prox(const ProxOptions& options, float step, MutFloats x) {
  std::visit(Apply{step, x}, options);
}

}  // namespace laconic
