#include "train/feedback_health.h"

#include <gmock/gmock.h>

#include <cmath>

namespace laconic {
namespace {

int warnings(double alpha, double (*ratio)(double step)) {
  FeedbackHealth health(alpha);
  int count = 0;
  for (std::uint64_t step = 20; step <= 20000; step += 20)
    if (const auto advice = health.hear(step, ratio(static_cast<double>(step)))) {
      EXPECT_THAT(*advice, testing::HasSubstr("exchange.error_feedback.decay"));
      ++count;
    }
  return count;
}

TEST(FeedbackHealth, IsQuietWhereAResidualFillsAndStands) {
  for (const double alpha : {0.01, 0.0})
    EXPECT_EQ(warnings(alpha, [](double step) { return 20 * (1 - std::exp(-step / 300)); }), 0);
  EXPECT_EQ(warnings(0.01, [](double) { return std::nan(""); }), 0);
}

TEST(FeedbackHealth, WarnsOnceOfOneThatHasNoBound) {
  for (const double alpha : {0.01, 0.1, 0.0})
    EXPECT_EQ(warnings(alpha, [](double step) { return step / 50; }), 1);
  EXPECT_EQ(warnings(0.5, [](double) { return 5.0; }), 1) << "beyond what theory allows";
}

}  // namespace
}  // namespace laconic
