#include "launcher/comparison.h"

#include <gtest/gtest.h>

#include <array>

namespace laconic {
namespace {

Summary run(const char* name, std::uint64_t bytes, double accuracy, double seconds) {
  Summary s;
  s.name = name;
  s.bytes_sent_per_rank.dense = bytes;
  s.test_accuracy = accuracy;
  s.final_loss = 0.5;
  s.seconds = seconds;
  return s;
}

TEST(PlainReading, SaysWhatWasSavedAndWhatItCost) {
  const std::array runs{run("dense", 1000, 0.9, 10), run("top_k", 40, 0.88, 12),
                        run("twice", 2000, 0.9, 10)};
  EXPECT_EQ(
      plain_reading(runs),
      "Against dense, top_k sent 25.0 times fewer bytes, was 2.0 points less accurate, and took "
      "1.20 times as long on these links.\n"
      "Against dense, twice sent 2.0 times more bytes, was as accurate, and took 1.00 times as "
      "long on these links.\n");
  EXPECT_EQ(plain_reading(std::span(runs).first(1)), "");
}

TEST(PlainReading, WithoutAccuracyItReadsTheLoss) {
  const std::array runs{run("a", 10, kUnknown, 1), run("b", 10, kUnknown, 1)};
  EXPECT_EQ(
      plain_reading(runs),
      "Against a, b sent as many bytes, ended at a loss of 0.5 against 0.5, and took 1.00 times as "
      "long on these links.\n");
}

}  // namespace
}  // namespace laconic
