#include "base/rates.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

namespace laconic {
namespace {

TEST(Rates, RatesAreDecimal) {
  EXPECT_EQ(parse_rate("10mbit"), 10e6);
  EXPECT_EQ(parse_rate("1.5Gbit"), 1.5e9);
  EXPECT_EQ(parse_rate("64kbit"), 64e3);
  EXPECT_TRUE(std::isinf(parse_rate("unlimited")));
}

TEST(Rates, TimesNeedAUnitUnlessZero) {
  EXPECT_EQ(parse_time("5ms"), 5 * kMillisecond);
  EXPECT_EQ(parse_time("0.2ms"), 200 * kMicrosecond);
  EXPECT_EQ(parse_time("2s"), 2 * kSecond);
  EXPECT_EQ(parse_time("0"), 0);
}

TEST(Rates, WhatIsNoRateOrTimeIsRefused) {
  for (const char* text :
       {"", "10", "mbit", "-1mbit", "10mbits", "nan", "infmbit", "1e9gbit", "1bit", "10 mbit"}) {
    EXPECT_THROW(parse_rate(text), std::invalid_argument) << text;
  }
  for (const char* text : {"", "5", "ms", "-5ms", "5m", "nans", "2h", "1e30s", "3601s"}) {
    EXPECT_THROW(parse_time(text), std::invalid_argument) << text;
  }
}

}  // namespace
}  // namespace laconic
