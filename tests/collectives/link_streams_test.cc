#include "collectives/link_streams.h"

#include <gtest/gtest.h>

namespace laconic::test {
namespace {

constexpr double kRate = 1e6;
constexpr std::size_t kBytes = 8 << 10;

/// Messages over a link of that rate, to a receiver that is woken for so many at once.
Arrivals arrivals(std::size_t messages, std::size_t together) {
  Arrivals arrived;
  for (std::size_t i = 1; i <= messages; ++i) {
    const std::size_t until = (i + together - 1) / together * together;
    arrived.emplace_back(static_cast<double>(until * kBytes) / kRate + 1e-6 * (i % together),
                         i * kBytes);
  }
  return arrived;
}

/// Two messages that come in together are not two in no time.
TEST(LinkStreams, FindTheRateHoweverManyMessagesAReceiverIsWokenFor) {
  for (const std::size_t together : {1, 2, 3}) {
    const Arrivals arrived = arrivals(120, together);
    ASSERT_TRUE(full_rate(arrived));
    EXPECT_NEAR(*full_rate(arrived), kRate, 1e-2 * kRate) << together;
    EXPECT_NEAR(later_rate(arrived), kRate, 1e-2 * kRate) << together;
  }
}

TEST(LinkStreams, SayNothingOfAFullLinkAfterAFewMessages) {
  EXPECT_FALSE(full_rate(arrivals(8, 1)));
  EXPECT_NEAR(mean_rate(arrivals(8, 1)), kRate, 1e-2 * kRate);
}

/// Pauses between bursts are TCP's, whose window is not open yet.
TEST(LinkStreams, TakeTheRateWithinBursts) {
  Arrivals arrived;
  for (std::size_t i = 1; i <= 400; ++i)
    arrived.emplace_back(static_cast<double>(i * kBytes) / kRate + 0.4 * (i / 50), i * kBytes);
  EXPECT_NEAR(*full_rate(arrived), kRate, 0.05 * kRate);
  EXPECT_LT(later_rate(arrived), 0.8 * kRate);
}

}  // namespace
}  // namespace laconic::test
