#include "methods/schedule.h"

#include <cmath>
#include <numbers>

#include "base/check.h"
#include "base/errors.h"

namespace laconic {
namespace {

/// How much of the run after the warm-up has passed, in [0, 1].
double progress(std::uint64_t step, std::uint64_t warm_up, std::uint64_t steps) {
  check(steps > 0, "a schedule over the whole run needs its length");
  if (step >= steps || warm_up >= steps) return 1;
  return static_cast<double>(step - warm_up) / static_cast<double>(steps - warm_up);
}

void check_floor(double floor) {
  if (!(floor >= 0 && floor <= 1)) throw ConfigError("floor", "expected a value in [0, 1]");
}

}  // namespace

void check_schedule(const ScheduleOptions& options) {
  if (!(options.rate > 0 && std::isfinite(options.rate)))
    throw ConfigError("rate", "expected a positive number");
  struct Shape {
    void operator()(const ConstantSchedule&) const {}
    void operator()(const StepSchedule& s) const {
      if (s.every == 0) throw ConfigError("every", "expected at least 1");
      if (!(s.factor > 0 && std::isfinite(s.factor)))
        throw ConfigError("factor", "expected a positive number");
    }
    void operator()(const CosineSchedule& s) const { check_floor(s.floor); }
    void operator()(const LinearSchedule& s) const { check_floor(s.floor); }
  };
  std::visit(Shape{}, options.shape);
}

double rate_at(const ScheduleOptions& options, std::uint64_t step, std::uint64_t steps) {
  const std::uint64_t warm_up = options.warm_up_steps;
  if (step < warm_up)
    return options.rate * static_cast<double>(step + 1) / static_cast<double>(warm_up);
  struct Shape {
    std::uint64_t step, warm_up, steps;
    double operator()(const ConstantSchedule&) const { return 1; }
    double operator()(const StepSchedule& s) const {
      return std::pow(s.factor, static_cast<double>(step / s.every));
    }
    double operator()(const CosineSchedule& s) const {
      const double angle = std::numbers::pi * progress(step, warm_up, steps);
      return s.floor + (1 - s.floor) * (1 + std::cos(angle)) / 2;
    }
    double operator()(const LinearSchedule& s) const {
      return 1 - (1 - s.floor) * progress(step, warm_up, steps);
    }
  };
  return options.rate * std::visit(Shape{step, warm_up, steps}, options.shape);
}

}  // namespace laconic
