#pragma once

#include <cstdint>
#include <variant>

namespace laconic {

struct ConstantSchedule {};
/// Multiplies the rate by `factor` every `every` steps.
struct StepSchedule {
  std::uint64_t every = 1;
  double factor = 0.1;
};
/// Half a cosine from the base rate to `floor` times it, from the end of the warm-up to the end of
/// the run (one step later than the last, which still moves).
struct CosineSchedule {
  double floor = 0;
};
/// A straight line from the base rate to `floor` times it, over the same steps.
struct LinearSchedule {
  double floor = 0;
};

struct ScheduleOptions {
  double rate = 0.1;                ///< The base rate.
  std::uint64_t warm_up_steps = 0;  ///< Rises in a straight line from rate / warm_up_steps.
  std::variant<ConstantSchedule, StepSchedule, CosineSchedule, LinearSchedule> shape =
      ConstantSchedule{};
};

/// Throws ConfigError, with the field's name alone ("floor"), where an option is out of range.
void check_schedule(const ScheduleOptions& options);

/// The learning rate at a step of a run of `steps`. Constant and step schedules have no use for
/// `steps`; what comes after the end stays where the end was.
double rate_at(const ScheduleOptions& options, std::uint64_t step, std::uint64_t steps);

}  // namespace laconic
