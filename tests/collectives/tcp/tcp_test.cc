#include <gtest/gtest.h>

#include "tests/collectives/tcp/tcp_group.h"
#include "tests/collectives/transport_conformance.h"

namespace laconic::test {
namespace {

GroupKind kind(const std::string& name, const TcpOptions& options) {
  return {name,
          {1, 2, 3, 5, 8},
          [options](int ranks, double deadline, const RankBody& body) {
            TcpOptions with_deadline = options;
            with_deadline.deadline_seconds = deadline;
            run_ranks(make_tcp_group(ranks, with_deadline), body);
          },
          [options](int ranks) { return make_tcp_group(ranks, options); }};
}

std::vector<GroupKind> kinds() {
  static const Certificates certificates;
  TcpOptions tls, little, v6;
  tls.tls = certificates.good();
  little.buffer_bytes = 300000;  // what the tests send ahead, and not a message more
  v6.rendezvous = "[::1]:0";     // a free port of it
  v6.interface = "lo";
  return {kind("tcp", {}), kind("tls", tls), kind("little_buffer", little), kind("ipv6", v6)};
}

INSTANTIATE_TEST_SUITE_P(Tcp, TransportConformance, testing::ValuesIn(kinds()), kind_name);
INSTANTIATE_TEST_SUITE_P(Tcp, TransportFailure, testing::ValuesIn(kinds()), kind_name);

TcpOptions quick_to_give_up() {
  TcpOptions options;
  options.heartbeat_seconds = 0.1;
  options.dead_after_seconds = 1;
  return options;
}

constexpr auto kLongerThanThat = std::chrono::milliseconds(2500);

TEST(TcpHeartbeats, KeepAGroupTogetherThatComputesForLong) {
  run_ranks(make_tcp_group(3, quick_to_give_up()), [](Transport& t) {
    for (int i = 0; i < 2; ++i) {
      send_empty(t, (t.rank() + 1) % 3, kGo);
      receive_empty(t, (t.rank() + 2) % 3, kGo);
      std::this_thread::sleep_for(kLongerThanThat);
    }
  });
}

TEST(TcpHeartbeats, APeerLivesWhoseMessagesNobodyHasRoomFor) {
  TcpOptions options = quick_to_give_up();
  options.buffer_bytes = 1000;
  run_ranks(make_tcp_group(2, options), [](Transport& t) {
    const auto message = pattern(20 << 20, 1);
    if (t.rank() == 0) {
      t.wait(t.post_send(1, kData, message));
    } else {
      std::this_thread::sleep_for(kLongerThanThat);
      std::vector<std::byte> got(message.size());
      EXPECT_EQ(t.wait(t.post_receive(0, kData, got)), message.size());
      EXPECT_TRUE(got == message);
    }
  });
}

TEST(Tcp, RefusesOptionsThatCannotWork) {
  const auto refused = [](auto change) {
    TcpOptions options;
    options.rendezvous = free_rendezvous();
    options.ranks = 2;
    change(options);
    try {
      make_tcp_transport(options);
    } catch (const ConfigError& e) {
      return std::string(e.what());
    }
    return std::string("not refused");
  };
  using testing::StartsWith;
  EXPECT_THAT(refused([](auto& o) { o.ranks = 0; }), StartsWith("--ranks: "));
  EXPECT_THAT(refused([](auto& o) { o.ranks = 100000; }), StartsWith("--ranks: "));
  EXPECT_THAT(refused([](auto& o) { o.rank = 2; }), StartsWith("--rank: "));
  EXPECT_THAT(refused([](auto& o) { o.rank = -1; }), StartsWith("--rank: "));
  EXPECT_THAT(refused([](auto& o) { o.interface = "eth77"; }), StartsWith("--interface: "));
  EXPECT_THAT(refused([](auto& o) { o.interface = "192.0.2.1"; }), StartsWith("--interface: "));
  EXPECT_THAT(refused([](auto& o) { o.deadline_seconds = 0; }), StartsWith("deadline_seconds: "));
  EXPECT_THAT(refused([](auto& o) { o.heartbeat_seconds = -1; }), StartsWith("heartbeat_seconds"));
  EXPECT_THAT(refused([](auto& o) { o.dead_after_seconds = 1; }), StartsWith("dead_after_seconds"));
  EXPECT_THAT(refused([](auto& o) { o.job = std::string(65, 'x'); }), StartsWith("job: "));
  for (const char* bad : {"", "node1", ":1", "::1:4000", "[::1]", "[::1]4000", "node1:", "node1:0",
                          "node1:65536", "node1:-1", "node1:4000x", "[node1:4000"})
    EXPECT_THAT(refused([&](auto& o) { o.rendezvous = bad; }), StartsWith("--rendezvous: ")) << bad;
}

}  // namespace
}  // namespace laconic::test
