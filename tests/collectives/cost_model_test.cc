#include "collectives/cost_model.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "base/hash.h"
#include "collectives/forwarding.h"
#include "collectives/transports/in_process.h"
#include "tests/collectives/ranks.h"
#include "tests/collectives/vectors.h"

namespace laconic::test {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();

/// Where only latencies cost, a sum takes one for each message on its critical path.
TEST(CostModel, CountsTheLatenciesOfTheCriticalPath) {
  for (int ranks = 1; ranks <= 9; ++ranks)
    for (const AllreduceAlgorithm& algorithm : allreduce_algorithms())
      for (const std::size_t floats : {0, 1, 8, 100, 1'000'000}) {
        const auto links = uniform_links(ranks, {.latency_seconds = 1});
        EXPECT_DOUBLE_EQ(predict_seconds(algorithm, floats, links),
                         algorithm.cost(floats, {.ranks = ranks}).messages)
            << algorithm.name << " of " << floats << " on " << ranks;
      }
}

/// Where only bytes cost: what the busiest interface carries, one byte a second.
TEST(CostModel, CountsTheBytesOfTheBusiestInterface) {
  constexpr std::size_t kFloats = 8 * 1024;
  constexpr double kVector = 4 * kFloats;
  const auto seconds = [&](std::string_view name) {
    return predict_seconds(find_allreduce(name), kFloats,
                           uniform_links(8, {.latency_seconds = 0, .bytes_per_second = 1}));
  };
  EXPECT_NEAR(seconds("ring"), 14.0 / 8 * kVector, 1e-6 * kVector);
  EXPECT_NEAR(seconds("direct"), 14.0 / 8 * kVector, 1e-6 * kVector);
  EXPECT_NEAR(seconds("halving_doubling"), 14.0 / 8 * kVector, 1e-6 * kVector);
  EXPECT_NEAR(seconds("recursive_doubling"), 3 * kVector, 1e-6 * kVector);
  EXPECT_NEAR(seconds("naive"), 7 * kVector, 1e-6 * kVector);
  EXPECT_NEAR(seconds("star"), 14 * kVector, 1e-6 * kVector);
  // Up: 7 to 3 while 4 to 1, 3 to 1, then 1 and 2 to 0. Down: two, two, and one.
  EXPECT_NEAR(seconds("tree"), 9 * kVector, 1e-6 * kVector);
}

TEST(CostModel, AddsWhatEachMessageAndEachSummandCosts) {
  auto links = uniform_links(5, {.latency_seconds = 100});
  const auto star = [&] { return predict_seconds(find_allreduce("star"), 10, links); };
  links.tiny_share = 0.5;
  links.message_seconds = 2;  // within the latency, but for those that the hub takes besides
  EXPECT_DOUBLE_EQ(star(), 206);
  links.message_seconds = 0;
  links.crowd_seconds = 2;  // four messages of 40 bytes at one time, twice
  EXPECT_DOUBLE_EQ(star(), 206);
  EXPECT_DOUBLE_EQ(predict_seconds(find_allreduce("star"), 100, links), 212);  // larger ones
  links.row_share = 0.5;  // of the hub's, all but the first
  EXPECT_DOUBLE_EQ(predict_seconds(find_allreduce("star"), 100, links), 210);
  links.row_share = 1;
  links.crowd_seconds = 0;
  links.packet_seconds = 1;  // a tenth of a packet, twice, and more than one
  EXPECT_DOUBLE_EQ(predict_seconds(find_allreduce("star"), 35, links), 200.2);
  EXPECT_DOUBLE_EQ(predict_seconds(find_allreduce("star"), 1000, links), 202);
  links.packet_seconds = 0;
  links.add_bytes_per_second = 40;
  EXPECT_DOUBLE_EQ(star(), 204);
}

TEST(CostModel, SharesWhatAllMessagesGoThrough) {
  auto links = uniform_links(4, {.latency_seconds = 0, .bytes_per_second = 10});
  Schedule shift(4);
  for (int r = 0; r < 4; ++r) {
    shift.send(r, (r + 1) % 4, 100);
    shift.receive(r, (r + 3) % 4);
  }
  EXPECT_DOUBLE_EQ(predict_seconds(shift, links), 10);
  links.together_bytes_per_second = 20;
  EXPECT_DOUBLE_EQ(predict_seconds(shift, links), 20);
  links.together_bytes_per_second = kInfinite;
  links.link(2, 3).bytes_per_second = 2;
  EXPECT_DOUBLE_EQ(predict_seconds(shift, links), 50);
  links.hosts = {0, 0, 1, 1};  // only 1 to 2 and 3 to 0 use the machines' interfaces
  links.link(2, 3).bytes_per_second = 10;
  EXPECT_DOUBLE_EQ(predict_seconds(shift, links), 10);
}

TEST(CostModel, KnowsThatBothWaysAtOnceMayBeSlower) {
  auto links = uniform_links(3, {.latency_seconds = 0, .bytes_per_second = 10});
  links.both_ways_share = 0.5;
  Schedule swap(3), ring(3);
  for (int r = 0; r < 2; ++r) swap.send(r, 1 - r, 100), swap.receive(r, 1 - r);
  for (int r = 0; r < 3; ++r) ring.send(r, (r + 1) % 3, 100), ring.receive(r, (r + 2) % 3);
  EXPECT_DOUBLE_EQ(predict_seconds(swap, links), 20);
  EXPECT_DOUBLE_EQ(predict_seconds(ring, links), 10);
  EXPECT_DOUBLE_EQ(predict_seconds(find_allreduce("naive"), 100, links), 160);
}

/// A message that shares a link with one that ends goes on faster from then on.
TEST(CostModel, LetsMessagesGoFasterWhenOthersHaveLeft) {
  const auto links = uniform_links(3, {.latency_seconds = 0, .bytes_per_second = 1});
  Schedule schedule(3);
  schedule.send(0, 1, 10);
  schedule.send(0, 2, 30);
  schedule.receive(1, 0);
  schedule.receive(2, 0);
  schedule.finish_send(0, 2);
  schedule.compute(1, 5);  // ends at 25, while the long one ends at 40
  EXPECT_DOUBLE_EQ(predict_seconds(schedule, links), 40);
}

TEST(CostModel, KnowsThatNothingComesOfNothing) {
  Schedule waits(2);
  waits.receive(0, 1);
  EXPECT_THROW(predict_seconds(waits, uniform_links(2, {})), std::logic_error);
}

/// Short vectors on slow latencies against long ones on slow rates.
TEST(CostModel, ChoosesByLength) {
  const auto links = uniform_links(8, {.latency_seconds = 20e-3, .bytes_per_second = 12.5e6});
  EXPECT_EQ(fastest_allreduce(1, links).name, "naive");
  EXPECT_EQ(fastest_allreduce(16 << 20, links).name, "direct");
}

/// An emulated link can be slower than it says, when threads have to wait for a core. How close a
/// model comes is shown by `laconic bench collectives`.
TEST(MeasureLinks, FindsWhatIsEmulated) {
  for (const bool rendezvous : {false, true})
    for (const int ranks : {1, 2, 3, 4}) {
      const InProcessOptions options{
          .rendezvous = rendezvous, .latency_seconds = 2e-3, .bytes_per_second = 20e6};
      run_ranks(make_in_process_group(ranks, options), [&](Transport& t) {
        const LinkModel links = measure_links(t, 0.1);
        ASSERT_EQ(links.ranks, t.size());
        EXPECT_FALSE(describe(links).empty());
        for (int from = 0; from < ranks; ++from)
          for (int to = 0; to < ranks; ++to) {
            if (from == to) continue;
            EXPECT_GE(links.link(from, to).latency_seconds, 2e-3);
            EXPECT_GT(links.link(from, to).bytes_per_second, 0);
          }
        const double seconds = predict_seconds(find_allreduce("ring"), 100'000, links);
        const auto all = from_every_rank(t, seconds);
        EXPECT_EQ(std::count(all.begin(), all.end(), seconds), t.size()) << "one model for all";
      });
    }
}

/// Within a factor of two, once in a few attempts: the machine may be busy, which only slows.
TEST(MeasureLinks, ComesCloseToLinksThatAreEmulated) {
  constexpr double kLatency = 5e-3, kRate = 10e6;
  const auto close = [](double value, double truth) {
    return value > truth / 2 && value < truth * 2;
  };
  for (const int ranks : {2, 3}) {
    bool found = false;
    LinkModel links;
    for (int attempt = 0; attempt < 8 && !found; ++attempt) {
      run_ranks(
          make_in_process_group(ranks, {.latency_seconds = kLatency, .bytes_per_second = kRate}),
          [&](Transport& t) {
            const LinkModel mine = measure_links(t, 0.6);
            if (t.rank() == 0) links = mine;
          });
      found = true;
      for (int from = 0; from < ranks; ++from)
        for (int to = 0; to < ranks; ++to)
          if (from != to)
            found = found && close(links.link(from, to).latency_seconds, kLatency) &&
                    close(links.link(from, to).bytes_per_second, kRate);
    }
    EXPECT_TRUE(found) << describe(links);
  }
}

/// Sends the first `slow` messages of a stream to one rank late.
class Hesitant final : public Forwarding {
 public:
  Hesitant(Transport& inner, int to, int slow) : Forwarding(inner), to_(to), slow_(slow) {}
  Ticket post_send(int to, Tag tag, Bytes payload) override {
    constexpr std::size_t kOfStream = 2048;
    if (to == to_ && payload.size() >= kOfStream && slow_-- > 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return Forwarding::post_send(to, tag, payload);
  }

 private:
  int to_, slow_;
};

/// A stream that had bad luck does not count: the hesitant one takes all of its first meeting.
TEST(MeasureLinks, MeetsAgainWhoSeemedSlow) {
  constexpr double kRate = 20e6;
  bool found = false;
  LinkModel links;
  for (int attempt = 0; attempt < 8 && !found; ++attempt) {
    run_ranks(make_in_process_group(4, {.latency_seconds = 1e-3, .bytes_per_second = kRate}),
              [&](Transport& t) {
                Hesitant hesitant(t, 2, t.rank() == 1 ? 7 : 0);
                const LinkModel mine = measure_links(hesitant, 1);
                if (t.rank() == 0) links = mine;
              });
    found = links.link(1, 2).bytes_per_second > kRate / 2;
  }
  EXPECT_TRUE(found) << links.link(1, 2).bytes_per_second << ": " << describe(links);
}

}  // namespace
}  // namespace laconic::test
