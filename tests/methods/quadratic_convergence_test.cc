#include "problems/quadratic.h"
#include "tests/methods/training.h"

namespace laconic {
namespace {

/// Four ranks whose minima differ, full gradients, a constant step. What is measured is
/// |x - x*|² / |x0 - x*|².
Training on_quadratic(std::uint64_t steps, double rate) {
  const auto problem = [](int rank, int ranks) {
    return make_quadratic({.dimensions = 100, .condition = 10, .spread = 0.3}, 1, rank, ranks);
  };
  return {.problem = problem,
          .exchange = {},
          .method = {.batch = 0, .steps = steps, .schedule = {.rate = rate}, .rule = {}}};
}

double relative_distance(const Outcome& outcome) {
  return outcome.end.distance / outcome.start.distance;
}

TEST(Quadratic, DenseArrivesAtTheSolution) {
  const Outcome outcome = train(on_quadratic(200, 0.1));
  EXPECT_LT(relative_distance(outcome), 1e-12);
}

TEST(Quadratic, IdentityArrivesAtTheSolution) {
  Training training = on_quadratic(200, 0.1);
  training.exchange = gathered(IdentityOptions{}, false);
  EXPECT_LT(relative_distance(train(training)), 1e-12);
}

// With a constant step, error feedback on data that differ between ranks stops at a distance
// proportional to the step (its square here): the residuals never settle. Hence the small one.
TEST(Quadratic, TopKArrivesWithErrorFeedback) {
  Training training = on_quadratic(24000, 5e-4);
  training.exchange = gathered(TopKOptions{.density = 0.1}, true);
  EXPECT_LT(relative_distance(train(training)), 1e-6);
}

TEST(Quadratic, TopKStopsShortWithoutErrorFeedback) {
  Training training = on_quadratic(24000, 5e-4);
  training.exchange = gathered(TopKOptions{.density = 0.1}, false);
  EXPECT_GT(relative_distance(train(training)), 1e-2);
}

double end_with_owner(bool feedback_up, bool feedback_down) {
  Training training = on_quadratic(1000, 1e-2);
  training.ranks = 2;
  training.exchange = {.kind = OwnerOptions{},
                       .compressor = TopKOptions{.density = 0.1},
                       .feedback = {.on = feedback_up},
                       .down = LegOptions{TopKOptions{.density = 0.1}, {.on = feedback_down}}};
  return relative_distance(train(training));
}

// Fewer and longer steps than above, and so a floor that is higher; what is left out on either leg
// stands far above it.
TEST(Quadratic, CompressedBothWaysItArrivesOnlyWithErrorFeedbackOnBothLegs) {
  const double both = end_with_owner(true, true);
  EXPECT_LT(both, 1e-3);
  EXPECT_GT(end_with_owner(false, true), 2 * both);
  EXPECT_GT(end_with_owner(true, false), 2 * both);
}

// Coordinates that all ranks share make the average of what is sent a part of the average: ranks
// that differ then do no harm.
TEST(Quadratic, RandKArrivesWithErrorFeedback) {
  Training training = on_quadratic(24000, 5e-4);
  training.exchange = gathered(RandKOptions{.density = 0.1, .unbiased = false}, true);
  EXPECT_LT(relative_distance(train(training)), 1e-10);
}

}  // namespace
}  // namespace laconic
