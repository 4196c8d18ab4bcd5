#include "train/verdict.h"

#include <gmock/gmock.h>

namespace laconic {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

Summary summary() {
  Summary s;
  s.exchange = "gather, top_k 1%, error feedback";
  s.ranks = 4, s.steps = 100;
  s.compute_seconds = 4, s.compress_seconds = 0.2, s.wait_seconds = 5.6, s.decode_seconds = 0.1;
  s.exchange_seconds = 5.9, s.apply_seconds = 0.1;
  s.bytes_sent_per_rank = {.values = 600'000, .indices = 300'000, .framing = 100'000, .control = 7};
  s.dense_bytes_per_rank = 80'000'000;
  return s;
}

TEST(Verdict, SaysWhatWasSavedAndWhatBoundsAStep) {
  Summary s = summary();
  auto lines = verdict(s);
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_THAT(lines[0], HasSubstr("80.0 times fewer; cost: 2 ms a step to compress"));
  EXPECT_THAT(lines[1], HasSubstr("100 ms a step: 40 % computing, 56 % waiting for others"));
  EXPECT_THAT(lines[1], HasSubstr("exchange.owner"));
  s.dense_seconds = 40;
  lines = verdict(s);
  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_THAT(lines[1], HasSubstr("400 ms a step, 4.00 times the 100 ms"));
}

TEST(Verdict, TellsDenseFromLinearAndWhatIsHiddenFromWhatBounds) {
  Summary s = summary();
  s.bytes_sent_per_rank = {.dense = 80'000'000};
  s.exchange = "dense, ring";
  ASSERT_THAT(verdict(s), SizeIs(1));
  EXPECT_THAT(verdict(s)[0], HasSubstr("auto"));
  s.exchange = "linear, power_sgd rank 2";
  EXPECT_THAT(verdict(s)[0], HasSubstr("1.0 times fewer"));
  s.wait_seconds = 0.1, s.hidden_seconds = 2, s.exchange_seconds = 0.4;
  EXPECT_THAT(verdict(s)[1], HasSubstr("20 ms of the exchange hidden behind it"));
  EXPECT_THAT(verdict(s)[1], HasSubstr("computation bounds it"));
  s.ranks = 1;
  EXPECT_THAT(verdict(s), SizeIs(1));
  s.steps = 0;
  EXPECT_THAT(verdict(s), SizeIs(0));
}

}  // namespace
}  // namespace laconic
