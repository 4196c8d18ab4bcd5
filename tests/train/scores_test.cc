#include "train/scores.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <mutex>

#include "tests/train/ranks.h"

namespace laconic {
namespace {

/// Rank r's share has r + 1 examples with a loss of r.
class Scored final : public Oracle {
 public:
  const Layout& layout() const override { return layout_; }
  void initialize(RngKey, MutFloats) const override {}
  std::uint64_t examples() const override { return 0; }
  double evaluate(Floats, const Sample&, MutFloats, const ReadyFn&) override { return 0; }
  Scores score(Floats at, Share share) const override {
    return {.loss = share.index + static_cast<double>(at[0]),
            .accuracy = 1.0 / share.count,
            .examples = static_cast<std::uint64_t>(share.index) + 1};
  }

 private:
  Layout layout_;
};

TEST(Scores, AreWeightedByExamplesAndTheSameOnEveryRank) {
  std::mutex mutex;
  std::vector<Scores> all;
  test::on_ranks(3, [&](Transport& transport) {
    const Scores scores = score_over_ranks(Scored(), std::vector{0.5f}, transport);
    const std::lock_guard lock(mutex);
    all.push_back(scores);
  });
  for (const Scores& s : all) {
    EXPECT_EQ(s.loss, (1 * 0.5 + 2 * 1.5 + 3 * 2.5) / 6);
    EXPECT_EQ(s.accuracy, all[0].accuracy);
    EXPECT_TRUE(std::isnan(s.gap));
    EXPECT_EQ(s.examples, 6u);
  }
}

TEST(Scores, EmptySharesSayNothing) {
  const Scores none, some{.loss = 2, .accuracy = 0.5, .examples = 4};
  EXPECT_EQ(combine_scores(std::vector{none, some, none}).loss, 2);
  EXPECT_TRUE(std::isnan(combine_scores(std::vector{none, none}).loss));
}

}  // namespace
}  // namespace laconic
