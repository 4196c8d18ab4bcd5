#include "train/run_state.h"

#include <gtest/gtest.h>

#include <cmath>

namespace laconic {
namespace {

TEST(RunState, ComesBackBitForBit) {
  const RunState state{.steps = 1ull << 40,
                       .seconds = 1,
                       .compute = 2,
                       .compress = 3,
                       .wait = 4,
                       .decode = 5,
                       .apply = 6,
                       .hidden = 7,
                       .loss_sum = 0.1,
                       .sent = {1, 2, 3, 4, 5},
                       .received = {6, 7, 8, 9, 10},
                       .last_scores = {.loss = 0.3, .accuracy = 0.9, .examples = 11},
                       .best_accuracy = 0.95};
  StateWriter writer;
  state.save(writer);
  const auto blob = writer.blob();
  StateReader reader(blob, "blob");
  RunState back;
  back.load(reader);
  EXPECT_EQ(back.steps, state.steps);
  EXPECT_EQ(back.hidden, 7);
  EXPECT_EQ(back.loss_sum, 0.1);
  EXPECT_EQ(back.apply, 6);
  EXPECT_EQ(back.sent.control, 5u);
  EXPECT_EQ(back.received.values, 6u);
  EXPECT_EQ(back.last_scores.accuracy, 0.9);
  EXPECT_TRUE(std::isnan(back.last_scores.gap));
  EXPECT_EQ(back.last_scores.examples, 11u);
  EXPECT_EQ(back.best_accuracy, 0.95);
  StateWriter again;
  back.save(again);
  EXPECT_EQ(again.blob(), blob);
}

}  // namespace
}  // namespace laconic
