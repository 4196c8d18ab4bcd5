#include "train/agreement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "base/errors.h"
#include "tests/train/ranks.h"

namespace laconic {
namespace {

using testing::HasSubstr;

TEST(Divergence, NamesWhoeverIsNotWithTheMost) {
  EXPECT_EQ(describe_divergence(std::vector<std::uint64_t>{}, 1), std::nullopt);
  EXPECT_EQ(describe_divergence(std::vector<std::uint64_t>{5, 5, 5}, 1), std::nullopt);
  EXPECT_EQ(describe_divergence(std::vector<std::uint64_t>{5, 5, 6}, 3),
            "after 3 steps rank 2 holds other parameters than the rest");
  EXPECT_EQ(describe_divergence(std::vector<std::uint64_t>{6, 5, 5}, 3),
            "after 3 steps rank 0 holds other parameters than the rest");
  EXPECT_EQ(describe_divergence(std::vector<std::uint64_t>{5, 6}, 3),
            "after 3 steps rank 1 holds other parameters than the rest");
  EXPECT_EQ(describe_divergence(std::vector<std::uint64_t>{5, 7, 5, 6, 8}, 3),
            "after 3 steps ranks 1, 3 and 4 hold other parameters than the rest");
}

TEST(Divergence, LongListsAreCutShort) {
  std::vector<std::uint64_t> hashes(200, 1);
  for (std::size_t i = 0; i < 90; ++i) hashes[i] = 2;
  const auto text = describe_divergence(hashes, ~std::uint64_t{0}).value();
  EXPECT_THAT(text, HasSubstr("ranks 0, 1, 2, 3, 4, 5, 6, 7 and 82 more hold"));
  EXPECT_LT(text.size(), 240u);
}

class AgreementTest : public testing::TestWithParam<int> {};

TEST_P(AgreementTest, AStopIsHeardByAllTwoRoundsLater) {
  const int ranks = GetParam();
  for (int asked_by = 0; asked_by < ranks; ++asked_by) {
    std::vector<std::uint64_t> heard(static_cast<std::size_t>(ranks));
    test::on_ranks(ranks, [&](Transport& t) {
      Agreement agreement(t);
      for (std::uint64_t round = 1; round <= 6; ++round) {
        const auto news =
            agreement.next({.step = round, .stop = t.rank() == asked_by && round == 3});
        if (news.stop) heard[static_cast<std::size_t>(t.rank())] = round;
      }
      EXPECT_FALSE(agreement.drain().stop);
    });
    EXPECT_THAT(heard, testing::Each(5u));
  }
}

TEST_P(AgreementTest, DrainingBringsForwardWhatIsUnderWay) {
  test::on_ranks(GetParam(), [&](Transport& t) {
    Agreement agreement(t);
    EXPECT_FALSE(agreement.drain().stop);
    agreement.next({.step = 1});
    agreement.next({.step = 2, .stop = t.rank() == t.size() - 1});
    EXPECT_TRUE(agreement.drain().stop);
    EXPECT_FALSE(agreement.next({.step = 3}).stop);
    EXPECT_FALSE(agreement.drain().stop);
  });
}

TEST_P(AgreementTest, Rank0HearsEveryDigestOnceInOrder) {
  test::on_ranks(GetParam(), [&](Transport& t) {
    Agreement agreement(t);
    std::vector<std::uint64_t> steps;
    const auto hear = [&](const Agreement::News& news) {
      for (const auto& digests : news.digests) {
        steps.push_back(digests.at(0).step);
        ASSERT_EQ(digests.size(), static_cast<std::size_t>(t.size()));
        for (std::size_t r = 0; r < digests.size(); ++r)
          EXPECT_EQ(digests[r].loss_sum, 100.0 * static_cast<double>(digests[r].step + r));
      }
    };
    for (std::uint64_t step = 1; step <= 5; ++step) {
      hear(agreement.next(
          {.step = step, .loss_sum = 100.0 * static_cast<double>(step + std::uint64_t(t.rank()))}));
      if (step == 3) hear(agreement.drain());
    }
    hear(agreement.drain());
    if (t.rank() == 0) {
      EXPECT_EQ(steps, (std::vector<std::uint64_t>{1, 2, 3, 4, 5}));
    } else {
      EXPECT_TRUE(steps.empty());
    }
  });
}

TEST_P(AgreementTest, EqualHashesAreFine) {
  test::on_ranks(GetParam(), [&](Transport& t) {
    Agreement agreement(t);
    for (std::uint64_t step = 1; step <= 4; ++step)
      agreement.next({.step = step, .hash = 17 * step, .hashed = step % 2 == 0});
    agreement.drain();
  });
}

INSTANTIATE_TEST_SUITE_P(Ranks, AgreementTest, testing::Values(1, 2, 3, 5));

TEST(Agreement, DivergedParametersEndTheGroupTwoRoundsLater) {
  std::vector<std::uint64_t> last(4);
  const auto thrown = test::outcomes(4, {.rendezvous = true}, [&](Transport& t) {
    Agreement agreement(t);
    for (std::uint64_t round = 1; round <= 9; ++round) {
      last[static_cast<std::size_t>(t.rank())] = round;
      const bool apart = round == 4 && t.rank() >= 2;
      try {
        agreement.next({.step = 10 * round, .hash = apart ? 1u : 2u, .hashed = true});
      } catch (const Error& e) {
        t.abort(e.what(), e.status());  // the agreement's memory is on its way out
        throw;
      }
    }
  });
  const std::string why = "after 40 steps ranks 2 and 3 hold other parameters than the rest";
  int first_hand = 0;
  for (const auto& e : thrown) {
    EXPECT_THAT(test::message_of(e), HasSubstr(why));
    first_hand += test::message_of(e) == why;
  }
  EXPECT_GE(first_hand, 1);
  EXPECT_EQ(*std::max_element(last.begin(), last.end()), 6u);
}

TEST(Agreement, NobodyWaitsForALatencyThatAStepCovers) {
  // A round trip takes 40 ms; rounds are 50 ms apart. If anybody waited for a message that was
  // posted in the same round, ten rounds would take 0.9 s.
  const auto thrown = test::outcomes(3, {.latency_seconds = 0.02}, [&](Transport& t) {
    Agreement agreement(t);
    for (std::uint64_t round = 1; round <= 10; ++round) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      const auto begin = std::chrono::steady_clock::now();
      agreement.next({.step = round});
      EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(18));
    }
    agreement.drain();
  });
  for (const auto& e : thrown) EXPECT_EQ(test::message_of(e), "");
}

}  // namespace
}  // namespace laconic
