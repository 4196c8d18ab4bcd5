#include "collectives/transports/in_process.h"

#include "tests/collectives/in_process_kinds.h"
#include "tests/collectives/transport_conformance.h"

namespace laconic::test {
namespace {

const std::vector<int> kSizes{1, 2, 3, 5, 8};
const std::vector<GroupKind> kKinds{
    in_process_kind("in_process", kSizes, {}),
    in_process_kind("rendezvous", kSizes, {.rendezvous = true}),
    in_process_kind("slow_link", kSizes, {.latency_seconds = 1e-4, .bytes_per_second = 1e9}),
    in_process_kind("slow_rendezvous", kSizes,
                    {.rendezvous = true, .latency_seconds = 1e-4, .bytes_per_second = 1e9}),
};

INSTANTIATE_TEST_SUITE_P(InProcess, TransportConformance, testing::ValuesIn(kKinds), kind_name);
INSTANTIATE_TEST_SUITE_P(InProcess, TransportFailure, testing::ValuesIn(kKinds), kind_name);

TEST(InProcess, RendezvousSendWaitsForItsReceive) {
  for (const bool rendezvous : {false, true})
    run_ranks(make_in_process_group(2, {.rendezvous = rendezvous}), [&](Transport& t) {
      if (t.rank() == 0) {
        const auto small = pattern(4, 0);
        const Ticket send = t.post_send(1, kData, small);
        EXPECT_EQ(t.poll(send).has_value(), !rendezvous);
        send_empty(t, 1, kGo);
        if (rendezvous) t.wait(send);
      } else {
        receive_empty(t, 0, kGo);
        std::vector<std::byte> got(4);
        EXPECT_EQ(t.wait(t.post_receive(0, kData, got)), 4u);
      }
    });
}

TEST(InProcess, EmulatedLinkTakesLatencyAndOneMessageAfterTheOther) {
  // 20 ms one way, 10 MB/s: two messages of 0.4 MB behind each other arrive after 60 and 100 ms.
  const InProcessOptions link{.latency_seconds = 0.02, .bytes_per_second = 1e7};
  run_ranks(make_in_process_group(3, link), [](Transport& t) {
    std::vector<std::byte> first(400000), second(400000);
    send_empty(t, (t.rank() + 1) % 3, kGo), receive_empty(t, (t.rank() + 2) % 3, kGo);
    const Stopwatch watch;
    if (t.rank() == 0) {
      const Ticket a = t.post_send(1, kData, first), b = t.post_send(1, kData, second);
      const Ticket c = t.post_send(2, kData, second);  // a link of its own
      t.wait(a), t.wait(b), t.wait(c);
    } else if (t.rank() == 1) {
      const Ticket a = t.post_receive(0, kData, first), b = t.post_receive(0, kData, second);
      t.wait(a);
      EXPECT_NEAR(watch.seconds(), 0.06, 0.03);
      t.wait(b);
      EXPECT_NEAR(watch.seconds(), 0.10, 0.03);
    } else {
      t.wait(t.post_receive(0, kData, first));
      EXPECT_NEAR(watch.seconds(), 0.06, 0.03);
    }
  });
}

TEST(InProcess, WaitingForARankThatHasLeftEndsAtOnce) {
  auto group = make_in_process_group(2);
  std::vector<std::byte> got(1);
  const Ticket receive = group[0]->post_receive(1, kData, got);
  std::thread leaver([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    group[1].reset();
  });
  const Stopwatch watch;
  EXPECT_THROW(group[0]->wait(receive), TransportError);
  EXPECT_LT(watch.seconds(), 5);
  leaver.join();
}

TEST(InProcess, WhatWasSentBeforeLeavingStillArrives) {
  auto group = make_in_process_group(2);
  group[1]->wait(group[1]->post_send(0, kData, pattern(6, 1)));
  group[1].reset();
  std::vector<std::byte> got(6);
  EXPECT_EQ(group[0]->wait(group[0]->post_receive(1, kData, got)), 6u);
  EXPECT_TRUE(got == pattern(6, 1));
}

TEST(InProcess, RefusesOptionsThatMeanNothing) {
  EXPECT_THROW(make_in_process_group(0), ConfigError);
  EXPECT_THROW(make_in_process_group(2, {.latency_seconds = -1}), ConfigError);
  EXPECT_THROW(make_in_process_group(2, {.deadline_seconds = 0}), ConfigError);
  auto alone = make_in_process_group(1);
  EXPECT_THROW(alone[0]->post_send(0, kData, {}), std::logic_error);
}

}  // namespace
}  // namespace laconic::test
