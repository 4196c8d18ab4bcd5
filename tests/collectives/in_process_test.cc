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
  double first_at = 1e9, second_at = 1e9, other_at = 1e9;  // the earliest: the machine may be busy
  for (int attempt = 0; attempt < 5; ++attempt) {
    const Stopwatch* since = nullptr;  // rank 0's first send
    run_ranks(make_in_process_group(3, link), [&](Transport& t) {
      std::vector<std::byte> first(400000), second(400000);
      if (t.rank() == 0) {
        const Stopwatch watch;
        since = &watch;
        const Ticket a = t.post_send(1, kData, first), b = t.post_send(1, kData, second);
        const Ticket c = t.post_send(2, kData, second);  // a link of its own
        t.wait(a), t.wait(b), t.wait(c);
        receive_empty(t, 1, kGo), receive_empty(t, 2, kGo);
      } else if (t.rank() == 1) {
        const Ticket a = t.post_receive(0, kData, first), b = t.post_receive(0, kData, second);
        t.wait(a);
        first_at = std::min(first_at, since->seconds());
        t.wait(b);
        second_at = std::min(second_at, since->seconds());
      } else {
        t.wait(t.post_receive(0, kData, first));
        other_at = std::min(other_at, since->seconds());
      }
      if (t.rank() != 0) send_empty(t, 0, kGo);
    });
  }
  EXPECT_NEAR(first_at, 0.06, 0.03);
  EXPECT_NEAR(second_at, 0.10, 0.03);
  EXPECT_NEAR(other_at, 0.06, 0.03);
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
