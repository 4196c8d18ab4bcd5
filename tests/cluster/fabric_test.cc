#include "cluster/switch/fabric.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace laconic::netlab {
namespace {

constexpr std::uint32_t kFull = 1518, kHeaders = 70;

/// A frame of `segments` full segments, for host `to`. Its data are not looked at.
Frame frame_of(int to, int segments = 1, std::uint32_t bytes = kFull, std::uint32_t flow = 0) {
  Frame frame;
  frame.to = to;
  frame.flow = flow;
  frame.first_bytes = frame.last_bytes = bytes;
  frame.packets = static_cast<std::uint32_t>(segments);
  frame.wire_bytes = frame.packets * bytes;
  frame.payload = frame.packets * (bytes - kHeaders);
  return frame;
}

void set_both_ways(Fabric& fabric, const char* cable, const LinkOptions& options) {
  for (const int end : {0, 1}) fabric.set(cable, end, options);
}

LinkOptions cable_of(double rate, Nanoseconds latency) {
  return {rate, latency, 50 * kMillisecond};
}

struct Delivered {
  int host;
  Nanoseconds time;
  std::uint32_t wire_bytes;
};

/// Everything that is under way, with the times at which it came.
std::vector<Delivered> drain(Fabric& fabric) {
  std::vector<Delivered> all;
  while (fabric.next_due() <= kSecond) {
    const Nanoseconds due = fabric.next_due();
    fabric.advance(due, [&](int host, const Frame& frame) {
      all.push_back({host, due, frame.wire_bytes});
    });
  }
  return all;
}

Fabric star(int hosts, double rate, Nanoseconds latency) {
  return Fabric({hosts, Shape::star, cable_of(rate, latency), {}});
}

/// Nanoseconds of `bytes` at 100 Mbit/s.
Nanoseconds at_100mbit(std::int64_t bytes) { return bytes * 80; }

TEST(Fabric, AFrameTakesLatencyOnceAndItsTimeOnEachCable) {
  Fabric fabric = star(2, 100e6, 5 * kMillisecond);
  fabric.send(0, frame_of(1), 7);
  const auto all = drain(fabric);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].host, 1);
  EXPECT_EQ(all[0].time, 7 + 5 * kMillisecond + 2 * at_100mbit(kFull));
}

TEST(Fabric, ABundleIsDelayedByOneSegmentAHop) {
  Fabric fabric = star(2, 100e6, 0);
  fabric.send(0, frame_of(1, 4), 0);
  const auto all = drain(fabric);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].time, at_100mbit(4 * kFull) + at_100mbit(kFull));
}

TEST(Fabric, ABundleOntoAFasterCableStillComesAtThePaceOfTheSlower) {
  Fabric fabric = star(2, 100e6, 0);
  set_both_ways(fabric, "h1", cable_of(1e9, 0));
  fabric.send(0, frame_of(1, 4), 0);
  EXPECT_EQ(drain(fabric).at(0).time, at_100mbit(4 * kFull) + at_100mbit(kFull) / 10);
}

TEST(Fabric, FramesGoOneBehindTheOtherAtTheRate) {
  Fabric fabric = star(2, 100e6, kMillisecond);
  for (int i = 0; i < 10; ++i) fabric.send(0, frame_of(1), 0);
  const auto all = drain(fabric);
  ASSERT_EQ(all.size(), 10u);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(all[i].time, kMillisecond + at_100mbit(kFull) * (i + 2));
  }
}

TEST(Fabric, DirectionsDoNotShareTheRate) {
  Fabric fabric = star(2, 100e6, 0);
  fabric.send(0, frame_of(1), 0);
  fabric.send(1, frame_of(0), 0);
  const auto all = drain(fabric);
  ASSERT_EQ(all.size(), 2u);
  for (const auto& one : all) EXPECT_EQ(one.time, 2 * at_100mbit(kFull));
}

TEST(Fabric, ThreeIntoOneShareTheLastCable) {
  Fabric fabric = star(4, 100e6, 0);
  for (const int from : {1, 2, 3}) fabric.send(from, frame_of(0), 0);
  const auto all = drain(fabric);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all.back().time, at_100mbit(kFull) * 4);
}

TEST(Fabric, BroadcastReachesAllOthersOnce) {
  for (const Shape shape : {Shape::star, Shape::two_sites, Shape::chain}) {
    Fabric fabric({5, shape, cable_of(1e9, 0), cable_of(1e8, kMillisecond)});
    fabric.send(2, frame_of(Frame::kEveryone), 0);
    std::vector<int> seen(5, 0);
    for (const auto& one : drain(fabric)) ++seen[one.host];
    EXPECT_EQ(seen, (std::vector<int>{1, 1, 0, 1, 1}));
  }
}

TEST(Fabric, UnknownAddressesGoNowhere) {
  Fabric fabric = star(3, 1e9, 0);
  fabric.send(0, frame_of(Frame::kNobody), 0);
  fabric.send(0, frame_of(7), 0);
  fabric.send(0, frame_of(0), 0);
  EXPECT_TRUE(drain(fabric).empty());
}

TEST(Fabric, TwoSitesAddTheCableBetweenThem) {
  const FabricOptions options{4, Shape::two_sites, cable_of(1e9, 2 * kMillisecond),
                              cable_of(1e8, 20 * kMillisecond)};
  Fabric within(options), across(options);
  within.send(0, frame_of(1), 0);
  EXPECT_EQ(drain(within).at(0).time, 2 * kMillisecond + 2 * at_100mbit(kFull) / 10);
  across.send(0, frame_of(2), 0);
  EXPECT_EQ(drain(across).at(0).time,
            22 * kMillisecond + 2 * at_100mbit(kFull) / 10 + at_100mbit(kFull));
}

TEST(Fabric, AChainAddsUpItsCables) {
  for (int to = 1; to < 4; ++to) {
    Fabric fabric({4, Shape::chain, cable_of(1e8, 5 * kMillisecond), {}});
    EXPECT_EQ(fabric.described(), (std::vector<std::string>{"t0", "t1", "t2"}));
    fabric.send(0, frame_of(to), 0);
    EXPECT_EQ(drain(fabric).at(0).time, to * (5 * kMillisecond + at_100mbit(kFull)));
  }
}

/// One host's cable never holds anything up, the other's is slow: frames wait at the switch.
Fabric onto_slow_cable(double rate) {
  Fabric fabric = star(2, rate, 0);
  set_both_ways(fabric, "h0", LinkOptions{});
  return fabric;
}

TEST(Fabric, TheQueueIsBoundedByTimeAndSaysWhatItDropped) {
  Fabric fabric = onto_slow_cable(100e6);  // 50 ms hold 411 full frames, and one is on the wire
  for (int i = 0; i < 1000; ++i) fabric.send(0, frame_of(1), 0);
  EXPECT_EQ(drain(fabric).size(), 412u);
  const LinkCounters& counters = fabric.cable("h1").towards[0].counters();
  EXPECT_EQ(counters.dropped, 588u);
  EXPECT_EQ(counters.packets, 412u);
  EXPECT_EQ(counters.wire_bytes, 412u * kFull);
}

TEST(Fabric, ASlowCableStillHoldsSixteenFrames) {
  Fabric fabric = onto_slow_cable(1e3);
  for (int i = 0; i < 100; ++i) fabric.send(0, frame_of(1), 0);
  fabric.advance(0, [](int, const Frame&) {});
  EXPECT_EQ(fabric.cable("h1").towards[0].counters().dropped, 100u - 17u);
}

TEST(Fabric, AHostItselfLetsAThousandFramesWait) {
  Fabric fabric = star(2, 1e3, 0);
  for (int i = 0; i < 1100; ++i) fabric.send(0, frame_of(1), 0);
  EXPECT_EQ(fabric.cable("h0").towards[1].counters().dropped, 1100u - 1001u);
}

TEST(Fabric, AHostsSmallFlowDoesNotStandBehindItsBulk) {
  Fabric fabric = star(3, 100e6, 0);
  for (int i = 0; i < 100; ++i) fabric.send(0, frame_of(1, 1, kFull, 1), 0);
  fabric.send(0, frame_of(2, 1, 70, 2), 1);
  const auto all = drain(fabric);
  ASSERT_EQ(all.size(), 101u);
  EXPECT_EQ(all[0].host, 2) << "a frame was on the wire before, but needs longer on the next cable";
  EXPECT_EQ(all[0].time, at_100mbit(kFull) + 2 * at_100mbit(70));
}

TEST(Fabric, AFullQueueDropsFromTheLongestFlow) {
  Fabric fabric = star(2, 100e6, 0);
  for (int i = 0; i < 1100; ++i) fabric.send(0, frame_of(1, 1, kFull, 1), 0);
  for (int i = 0; i < 100; ++i) fabric.send(0, frame_of(1, 1, 1000, 2), 0);
  int small = 0;
  for (const auto& one : drain(fabric)) small += one.wire_bytes == 1000 ? 1 : 0;
  EXPECT_EQ(small, 100);
}

TEST(Fabric, FlowsTakeTurnsByBytes) {
  Fabric fabric = star(2, 100e6, 0);
  for (int i = 0; i < 60; ++i) fabric.send(0, frame_of(1, 1, 1500, 1), 0);
  for (int i = 0; i < 180; ++i) fabric.send(0, frame_of(1, 1, 500, 2), 0);
  std::uint64_t bytes[2] = {0, 0};
  for (const auto& one : drain(fabric)) {
    if (bytes[0] + bytes[1] < 90'000) bytes[one.wire_bytes == 500 ? 1 : 0] += one.wire_bytes;
  }
  EXPECT_NEAR(static_cast<double>(bytes[0]), 45'000, 3000);
}

TEST(Fabric, ACutLosesWhatIsOnTheCableAndWhatComes) {
  Fabric fabric = star(3, 100e6, 10 * kMillisecond);
  for (int i = 0; i < 5; ++i) fabric.send(0, frame_of(1), 0);
  fabric.send(1, frame_of(2), 0);
  fabric.advance(kMillisecond, [](int, const Frame&) { FAIL(); });
  fabric.cut("h0");
  fabric.cut("h0");
  fabric.send(0, frame_of(1), 2 * kMillisecond);
  auto all = drain(fabric);
  ASSERT_EQ(all.size(), 1u) << "the other cables go on";
  EXPECT_EQ(all[0].host, 2);
  EXPECT_EQ(fabric.cable("h0").towards[1].counters().dropped, 6u);

  fabric.join("h0");
  fabric.send(0, frame_of(1), 100 * kMillisecond);
  all = drain(fabric);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].time, 110 * kMillisecond + 2 * at_100mbit(kFull));
}

TEST(Fabric, ACutThatIsJoinedAtOnceStillLosesWhatWasOnTheCable) {
  Fabric fabric = star(2, 100e6, 10 * kMillisecond);
  fabric.send(0, frame_of(1), 0);
  fabric.cut("h0");
  fabric.join("h0");
  EXPECT_TRUE(drain(fabric).empty());
}

TEST(Fabric, ACutBetweenSitesLeavesTheSites) {
  Fabric fabric({4, Shape::two_sites, cable_of(1e9, 0), cable_of(1e8, 0)});
  fabric.cut("t0");
  fabric.send(0, frame_of(2), 0);
  fabric.send(0, frame_of(1), 0);
  const auto all = drain(fabric);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].host, 1);
}

TEST(Fabric, AChangedRateCountsForWhatWaits) {
  Fabric fabric = star(2, 1e6, 0);
  for (int i = 0; i < 4; ++i) fabric.send(0, frame_of(1), 0);
  for (const char* cable : {"h0", "h1"}) set_both_ways(fabric, cable, cable_of(100e6, 0));
  const auto all = drain(fabric);
  ASSERT_EQ(all.size(), 4u);  // the first was on the wire at 1 Mbit/s
  EXPECT_EQ(all[0].time, 101 * at_100mbit(kFull));
  EXPECT_EQ(all[3].time, 104 * at_100mbit(kFull));
}

TEST(Fabric, OneDirectionChangesAlone) {
  Fabric fabric = star(2, 100e6, 0);
  fabric.set("h0", 1, cable_of(10e6, 4 * kMillisecond));  // out of host 0
  fabric.send(0, frame_of(1), 0);
  EXPECT_EQ(drain(fabric).at(0).time, 2 * kMillisecond + 11 * at_100mbit(kFull));
  fabric.send(1, frame_of(0), kSecond / 2);
  EXPECT_EQ(drain(fabric).at(0).time, kSecond / 2 + 2 * at_100mbit(kFull));
}

TEST(Fabric, BundlesCountAsTheirSegments) {
  Fabric fabric = star(2, 100e6, 0);
  for (const int segments : {4, 1, 7}) fabric.send(0, frame_of(1, segments), 0);
  drain(fabric);
  fabric.cut("h1");
  fabric.send(0, frame_of(1, 3), kMillisecond * 900);
  drain(fabric);
  const LinkCounters& out = fabric.cable("h0").towards[1].counters();
  EXPECT_EQ(out.packets, 15u);
  EXPECT_EQ(out.payload, 15u * (kFull - kHeaders));
  EXPECT_EQ(fabric.cable("h1").towards[0].counters().dropped, 3u);
}

TEST(Fabric, AShorterLatencyLetsNoFrameOvertake) {
  Fabric fabric = star(2, 1e9, 100 * kMillisecond);
  fabric.send(0, frame_of(1, 1, 1000), 0);
  for (const char* cable : {"h0", "h1"}) set_both_ways(fabric, cable, cable_of(1e9, 0));
  fabric.send(0, frame_of(1, 1, 64), kMillisecond);
  const auto all = drain(fabric);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].wire_bytes, 1000u);
}

TEST(Fabric, AWrongCableIsRefusedByName) {
  Fabric fabric = star(2, 1e9, 0);
  EXPECT_THROW(fabric.cut("t0"), std::invalid_argument);
  EXPECT_THROW(fabric.set("h2", 0, {}), std::invalid_argument);
}

}  // namespace
}  // namespace laconic::netlab
