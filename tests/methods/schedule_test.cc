#include "methods/schedule.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/errors.h"

namespace laconic {
namespace {

TEST(Schedule, ConstantIsConstant) {
  const ScheduleOptions options{.rate = 0.3, .shape = ConstantSchedule{}};
  for (const std::uint64_t step : {0, 1, 99, 1000}) EXPECT_EQ(rate_at(options, step, 100), 0.3);
}

TEST(Schedule, WarmUpEndsAtTheBaseRate) {
  const ScheduleOptions options{.rate = 0.4, .warm_up_steps = 4, .shape = ConstantSchedule{}};
  EXPECT_DOUBLE_EQ(rate_at(options, 0, 100), 0.1);
  EXPECT_DOUBLE_EQ(rate_at(options, 1, 100), 0.2);
  EXPECT_DOUBLE_EQ(rate_at(options, 3, 100), 0.4);
  EXPECT_DOUBLE_EQ(rate_at(options, 4, 100), 0.4);
}

TEST(Schedule, StepsDropTogether) {
  const ScheduleOptions options{.rate = 1, .shape = StepSchedule{.every = 30, .factor = 0.1}};
  EXPECT_DOUBLE_EQ(rate_at(options, 29, 100), 1);
  EXPECT_DOUBLE_EQ(rate_at(options, 30, 100), 0.1);
  EXPECT_DOUBLE_EQ(rate_at(options, 89, 100), 0.01);
  EXPECT_DOUBLE_EQ(rate_at(options, 90, 100), 0.001);
}

TEST(Schedule, CosineFallsFromTheBaseRateToItsFloor) {
  const ScheduleOptions options{.rate = 2, .shape = CosineSchedule{.floor = 0.1}};
  EXPECT_DOUBLE_EQ(rate_at(options, 0, 100), 2);
  EXPECT_DOUBLE_EQ(rate_at(options, 50, 100), 2 * 0.55);
  EXPECT_DOUBLE_EQ(rate_at(options, 100, 100), 2 * 0.1);
  // cos(pi / 4) = 0.7071...: a quarter of the way it has fallen by 0.9 * 0.1464...
  EXPECT_NEAR(rate_at(options, 25, 100), 2 * (1 - 0.9 * 0.14644660940672624), 1e-12);
  for (std::uint64_t step = 0; step < 100; ++step)
    EXPECT_GT(rate_at(options, step, 100), rate_at(options, step + 1, 100));
}

TEST(Schedule, LineFallsEvenly) {
  const ScheduleOptions options{.rate = 1, .shape = LinearSchedule{.floor = 0.2}};
  for (std::uint64_t step = 0; step <= 10; ++step)
    EXPECT_NEAR(rate_at(options, step, 10), 1 - 0.08 * static_cast<double>(step), 1e-12);
}

TEST(Schedule, ShapesBeginAfterTheWarmUpAndStayAfterTheEnd) {
  const ScheduleOptions options{
      .rate = 1, .warm_up_steps = 10, .shape = LinearSchedule{.floor = 0}};
  EXPECT_DOUBLE_EQ(rate_at(options, 9, 30), 1);
  EXPECT_DOUBLE_EQ(rate_at(options, 10, 30), 1);
  EXPECT_DOUBLE_EQ(rate_at(options, 20, 30), 0.5);
  EXPECT_DOUBLE_EQ(rate_at(options, 30, 30), 0);
  EXPECT_DOUBLE_EQ(rate_at(options, 31, 30), 0);
  EXPECT_DOUBLE_EQ(rate_at(options, 9, 5), 1);  // a run that ends within its warm-up
}

TEST(Schedule, RefusesOptionsOutOfRange) {
  EXPECT_NO_THROW(check_schedule({.rate = 1, .shape = CosineSchedule{.floor = 1}}));
  EXPECT_THROW(check_schedule({.rate = 0}), ConfigError);
  EXPECT_THROW(check_schedule({.rate = std::numeric_limits<double>::infinity()}), ConfigError);
  EXPECT_THROW(check_schedule({.rate = 1, .shape = StepSchedule{.every = 0}}), ConfigError);
  EXPECT_THROW(check_schedule({.rate = 1, .shape = StepSchedule{.factor = -1}}), ConfigError);
  EXPECT_THROW(check_schedule({.rate = 1, .shape = CosineSchedule{.floor = 1.5}}), ConfigError);
  EXPECT_THROW(check_schedule({.rate = 1, .shape = LinearSchedule{.floor = -0.1}}), ConfigError);
}

}  // namespace
}  // namespace laconic
