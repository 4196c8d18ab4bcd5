#include "cluster/switch/cable_change.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace laconic::netlab {
namespace {

const LinkOptions kOld{1e9, 5 * kMillisecond, 50 * kMillisecond};

TEST(CableChange, WhatIsNotNamedStays) {
  const CableChange change({"rate=10mbit", "h1", "t0"});
  EXPECT_EQ(change.cables(), (std::vector<std::string>{"h1", "t0"}));
  EXPECT_EQ(change.ends(), (std::vector<int>{kIn, kOut}));
  const LinkOptions now = change.apply(kOld, true);
  EXPECT_EQ(now.bits_per_second, 10e6);
  EXPECT_EQ(now.latency, kOld.latency);
  EXPECT_EQ(now.queue, kOld.queue);
}

TEST(CableChange, ADirectionIsOneEnd) {
  EXPECT_EQ(CableChange({"direction=out", "rate=1mbit"}).ends(), std::vector<int>{kOut});
  EXPECT_EQ(CableChange({"direction=in", "rate=1mbit"}).ends(), std::vector<int>{kIn});
}

TEST(CableChange, TheQueueGoesWithTheLatencyUnlessItWasSet) {
  const CableChange longer({"latency=100ms"});
  EXPECT_EQ(longer.apply(kOld, true).queue, 200 * kMillisecond);
  EXPECT_EQ(longer.apply(kOld, false).queue, kOld.queue);
  EXPECT_EQ(CableChange({"latency=100ms", "queue=7ms"}).apply(kOld, true).queue, 7 * kMillisecond);
}

TEST(CableChange, NonsenseIsRefused) {
  for (const char* word : {"rate=fast", "latency=5", "queue=", "direction=up", "color=red", "="}) {
    EXPECT_THROW(CableChange({word}), std::invalid_argument) << word;
  }
}

}  // namespace
}  // namespace laconic::netlab
