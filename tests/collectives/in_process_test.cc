#include "collectives/transports/in_process.h"

#include "collectives/transports/emulated_links.h"
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

/// Seconds, on links on which the machine cannot be late.
class EmulatedTimes : public testing::Test {
 protected:
  std::shared_ptr<const Journey> send(int from, int to, std::size_t bytes, double at) {
    return links_.send(from, to, bytes, moment(at));
  }
  /// When it arrives, once all is known.
  double arrival(const std::shared_ptr<const Journey>& journey) {
    links_.settle(journey->to, moment(100));
    return seconds(journey->arrives);
  }
  static Journey::Moment moment(double s) {
    return Journey::Moment(
        std::chrono::duration_cast<Journey::Clock::duration>(std::chrono::duration<double>(s)));
  }
  static double seconds(Journey::Moment m) {
    return std::chrono::duration<double>(m.time_since_epoch()).count();
  }

  EmulatedLinks links_{4, 0.5, 10};  // half a second, 10 bytes a second
};

TEST_F(EmulatedTimes, AMessageTakesItsLatencyAndItsBytes) {
  const auto journey = send(0, 1, 20, 3);
  EXPECT_DOUBLE_EQ(seconds(journey->leaves), 5);
  EXPECT_DOUBLE_EQ(arrival(journey), 5.5);
  EXPECT_DOUBLE_EQ(arrival(send(1, 0, 0, 3)), 3.5);
}

TEST_F(EmulatedTimes, WhatARankSendsSharesItsRateWhoeverItIsFor) {
  const auto one = send(0, 1, 10, 0), two = send(0, 2, 10, 0), back = send(1, 0, 10, 0);
  EXPECT_DOUBLE_EQ(arrival(one), 1.5);
  EXPECT_DOUBLE_EQ(arrival(two), 2.5);
  EXPECT_DOUBLE_EQ(arrival(back), 1.5) << "the other way is another";
}

/// The one that was told of last comes first, since its sender had nothing else to do.
TEST_F(EmulatedTimes, WhatARankGetsSharesItsRateInTheOrderInWhichItComes) {
  send(0, 1, 20, 0);
  const auto late = send(0, 3, 10, 0), first = send(2, 3, 10, 0.1), second = send(1, 3, 10, 0.2);
  EXPECT_DOUBLE_EQ(arrival(first), 1.6);
  EXPECT_DOUBLE_EQ(arrival(second), 2.6);
  EXPECT_DOUBLE_EQ(arrival(late), 3.6);
}

TEST_F(EmulatedTimes, NothingIsSaidBeforeItIsCertain) {
  const auto journey = send(0, 1, 10, 0);
  links_.settle(1, moment(0.49));
  EXPECT_EQ(journey->arrives, Journey::Moment::max());
  EXPECT_DOUBLE_EQ(seconds(journey->earliest()), 1.5);
  const auto other = send(2, 1, 10, 0.495);
  links_.settle(1, moment(0.5));
  EXPECT_DOUBLE_EQ(seconds(journey->arrives), 1.5);
  EXPECT_DOUBLE_EQ(arrival(other), 2.5);
}

/// Many messages of many lengths at once: every byte, in the order sent, and not too soon.
TEST(InProcess, EmulatedLinksTakeTheTimeThatTheyShould) {
  constexpr std::size_t kMessages = 8;
  constexpr double kLatency = 5e-3, kRate = 4e6;
  const auto message = [](int from, int to, std::size_t i) {
    return pattern(1000 * static_cast<std::size_t>(from) + 7000 * (i % 3),
                   100 * from + 10 * to + i);
  };
  for (const bool rendezvous : {false, true}) {
    std::vector<std::size_t> in(3);
    const Stopwatch watch;
    run_ranks(
        make_in_process_group(
            3, {.rendezvous = rendezvous, .latency_seconds = kLatency, .bytes_per_second = kRate}),
        [&](Transport& t) {
          std::vector<std::vector<std::byte>> sent, expected, got;
          for (std::size_t i = 0; i < kMessages; ++i)
            for (int r = 0; r < t.size(); ++r) {
              if (r == t.rank()) continue;
              sent.push_back(message(t.rank(), r, i));
              expected.push_back(message(r, t.rank(), i));
              got.emplace_back(expected.back().size());
              in[t.rank()] += got.back().size();
            }
          std::vector<Ticket> tickets;
          for (std::size_t i = 0; i < kMessages; ++i)
            for (int r = 0, k = 0; r < t.size(); ++r) {
              if (r == t.rank()) continue;
              const std::size_t at = 2 * i + k++;
              tickets.push_back(t.post_receive(r, kData, got[at]));
              tickets.push_back(t.post_send(r, kData, sent[at]));
            }
          for (const Ticket ticket : tickets) t.wait(ticket);
          EXPECT_TRUE(got == expected);
        });
    const auto most = static_cast<double>(*std::max_element(in.begin(), in.end()));
    EXPECT_GE(watch.seconds(), kLatency + most / kRate);
    EXPECT_LT(watch.seconds(), 5);
  }
}

TEST(InProcess, ADeadlineCountsWhileAMessageIsOnItsWay) {
  const Stopwatch watch;
  EXPECT_THROW(run_ranks(make_in_process_group(2, {.latency_seconds = 60, .deadline_seconds = 0.1}),
                         [](Transport& t) {
                           if (t.rank() == 1) return receive_empty(t, 0, kGo);
                           send_empty(t, 1, kGo);
                           t.wait_any({});
                         }),
               TransportError);
  EXPECT_LT(watch.seconds(), 5);
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
