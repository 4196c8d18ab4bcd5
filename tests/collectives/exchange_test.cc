#include "tests/collectives/exchange_tests.h"

#include <gmock/gmock.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <deque>
#include <functional>
#include <limits>
#include <thread>

#include "base/clock.h"
#include "base/errors.h"
#include "collectives/exchange/compressor_schedule.h"
#include "collectives/forwarding.h"
#include "compressors/frame.h"
#include "tests/collectives/in_process_kinds.h"

namespace laconic::test {
namespace {

INSTANTIATE_TEST_SUITE_P(Threads, Exchanges, testing::ValuesIn(buffered_and_rendezvous({1, 2, 3})),
                         kind_name);
INSTANTIATE_TEST_SUITE_P(ManyThreads, Exchanges, testing::ValuesIn(buffered_and_rendezvous({5, 8})),
                         kind_name);

const Layout kLayout{{"only", 0, 1000, 1}};

TEST(ExchangeFailure, ANaNEndsTheGroupWithItsCause) {
  const Stopwatch watch;
  std::atomic<int> told = 0;
  const ExchangeOptions options{
      .kind = GatherOptions{}, .compressor = top_k(0.1), .bucket_bytes = 400};
  EXPECT_THROW(run_ranks(make_in_process_group(4, {.rendezvous = true}),
                         [&](Transport& t) {
                           const auto exchange = make_exchange(options, t, kLayout);
                           auto gradient = floats(t.rank(), 0, 1000);
                           if (t.rank() == 2)
                             gradient[500] = std::numeric_limits<float>::quiet_NaN();
                           try {
                             run_step(*exchange, gradient, step_of(0));
                             ADD_FAILURE() << "an average of what is not a number";
                           } catch (const TransportError& e) {
                             EXPECT_EQ(e.peer(), 2) << e.what();
                             ++told;
                           }
                         }),
               NumericError);
  EXPECT_EQ(told, 3);
  EXPECT_LT(watch.seconds(), 5);
}

TEST(ExchangeFailure, ARankThatNeverComesEndsAtTheDeadline) {
  const Stopwatch watch;
  for (const auto& [name, options] : all_exchanges(3))
    run_ranks(make_in_process_group(3, {.deadline_seconds = 0.1}), [&](Transport& t) {
      if (t.rank() == 1) {
        EXPECT_THROW(t.wait_any({}), TransportError);
        return;
      }
      const auto exchange = make_exchange(options, t, kLayout);
      EXPECT_THROW(run_step(*exchange, floats(t.rank(), 0, 1000), step_of(0)), TransportError);
    });
  EXPECT_LT(watch.seconds(), 10);
}

TEST(ExchangeFailure, MisuseIsAMistakeOfOurs) {
  const auto group = make_in_process_group(1);
  for (const auto& [name, options] : all_exchanges(1)) {
    const auto exchange = make_exchange(options, *group[0], kLayout);
    std::vector<float> vector(1000), wrong(999);
    const std::vector<int> nobody{1};
    EXPECT_THROW(exchange->begin(wrong, {}, step_of(0)), std::logic_error);
    EXPECT_THROW(exchange->begin(vector, wrong, step_of(0)), std::logic_error);
    EXPECT_THROW(exchange->begin(vector, {}, step_of(0, nobody)), std::logic_error);
    EXPECT_THROW(exchange->finish(), std::logic_error);
    exchange->begin(vector, {}, step_of(0));
    EXPECT_THROW(exchange->begin(vector, {}, step_of(0)), std::logic_error);
    exchange->finish();
  }
}

std::string refusal(const ExchangeOptions& options) {
  const auto group = make_in_process_group(1);
  try {
    make_exchange(options, *group[0], kLayout);
  } catch (const ConfigError& e) {
    return e.what();
  }
  return "";
}

TEST(ExchangeOptions, AreRefusedWithTheFieldThatIsWrong) {
  using testing::HasSubstr;
  using testing::StartsWith;
  const ExchangeOptions gather{.kind = GatherOptions{}, .compressor = top_k(0.01)};
  EXPECT_EQ(refusal(gather), "");
  auto o = gather;
  o.compressor = RandKOptions{.density = 0.1, .unbiased = true};
  EXPECT_THAT(refusal(o), StartsWith("error_feedback.on: "));
  o.feedback.on = false;
  EXPECT_EQ(refusal(o), "");
  o = gather, o.feedback.scale = 0;
  EXPECT_THAT(refusal(o), StartsWith("error_feedback.scale: "));
  o = gather, o.feedback.decay = 1.5f;
  EXPECT_THAT(refusal(o), StartsWith("error_feedback.decay: "));
  o = gather, o.bucket_bytes = 3;
  EXPECT_THAT(refusal(o), StartsWith("bucket_bytes: "));
  o = gather, o.compressor = top_k(2);
  EXPECT_THAT(refusal(o), StartsWith("density: "));
  o = gather, o.warm_up = {.steps = 10, .stages = 0};
  EXPECT_THAT(refusal(o), StartsWith("density_warm_up.stages: "));
  o = gather, o.warm_up.steps = 10, o.compressor = top_k(0.25);
  EXPECT_THAT(refusal(o), StartsWith("density_warm_up.steps: "));
  o = gather, o.warm_up.steps = 10, o.compressor = IdentityOptions{};
  EXPECT_THAT(refusal(o), StartsWith("density_warm_up.steps: "));
  EXPECT_THAT(refusal({.kind = DenseOptions{"rings"}}), HasSubstr("did you mean ring?"));
  o = gather, o.kind = OwnerOptions{};
  o.down = LegOptions{RandKOptions{.density = 0.1, .unbiased = true}, {}};
  EXPECT_THAT(refusal(o), StartsWith("down.error_feedback.on: "));
  o.down->feedback = {.on = false};
  EXPECT_EQ(refusal(o), "");
  o.down->feedback.decay = -1;
  EXPECT_THAT(refusal(o), StartsWith("down.error_feedback.decay: "));
  o = {.kind = SparseDoublingOptions{}, .compressor = IdentityOptions{}};
  EXPECT_THAT(refusal(o), StartsWith("compressor: "));
  o = {.kind = LinearOptions{LinearRandKOptions{.density = 0.1}}};
  EXPECT_THAT(refusal(o), StartsWith("error_feedback.on: "));
  o.kind = LinearOptions{PowerSgdOptions{.rank = 0}};
  EXPECT_THAT(refusal(o), StartsWith("rank: "));
  o.kind = LinearOptions{PowerSgdOptions{}, "rong"};
  EXPECT_THAT(refusal(o), HasSubstr("did you mean ring?"));
  for (const int hub : {-1, 1})
    EXPECT_THAT(refusal({.kind = StarOptions{hub}}), StartsWith("exchange.star.hub: "));
}

TEST(CompressorSchedule, DensityFallsByTheSameFactorAtEachStage) {
  const CompressorSchedule schedule(top_k(0.001), {}, {.steps = 40, .stages = 4});
  Scratch scratch;
  const auto vector = floats(0, 0, 100000);
  std::vector<std::byte> frame(schedule.max_bytes(vector.size()));
  const auto density = [&](std::uint64_t step) {
    const std::size_t bytes = schedule.at(step).encode(
        vector, frame, {.own = {}, .shared = {}, .rank = 0, .ranks = 1, .scratch = scratch});
    return static_cast<double>(split(Bytes(frame).first(bytes)).values) / 400000;
  };
  EXPECT_NEAR(density(0), 0.25, 1e-5);
  EXPECT_NEAR(density(9), 0.25, 1e-5);
  EXPECT_NEAR(density(10), 0.25 * std::pow(0.004, 0.25), 1e-5);
  EXPECT_NEAR(density(20), 0.25 * std::pow(0.004, 0.50), 1e-5);
  EXPECT_NEAR(density(39), 0.25 * std::pow(0.004, 0.75), 1e-5);
  EXPECT_NEAR(density(40), 0.001, 1e-5);
  EXPECT_NEAR(density(1000000), 0.001, 1e-5);
}

/// Deep Gradient Compression, written down once more for one rank and one bucket.
TEST(LocalCorrection, ClipsThenKeepsMomentumAndForgetsItWhereItWasSent) {
  const auto group = make_in_process_group(1);
  const ExchangeOptions options{
      .kind = GatherOptions{}, .compressor = top_k(0.01), .local = {.momentum = 0.5f, .clip = 100}};
  const auto exchange = make_exchange(options, *group[0], kLayout);
  std::vector<float> u(1000), kept(1000);
  for (std::uint64_t step = 0; step < 6; ++step) {
    const auto gradient = floats(0, step, 1000);
    double square = 0;
    for (const float g : gradient) square += static_cast<double>(g) * g;
    const auto factor = static_cast<float>(100 / std::sqrt(square));
    for (std::size_t i = 0; i < 1000; ++i) kept[i] += u[i] = 0.5f * u[i] + factor * gradient[i];
    const auto sent = run_step(*exchange, gradient, step_of(step)).sent;
    EXPECT_EQ(std::count_if(sent.begin(), sent.end(), [](float s) { return s != 0; }), 10);
    for (std::size_t i = 0; i < 1000; ++i) {
      if (sent[i] == 0) continue;
      EXPECT_EQ(sent[i], kept[i]) << i;
      u[i] = kept[i] = 0;
    }
  }
  ExchangeOptions wrong = options;
  wrong.local.momentum = 1;
  EXPECT_THAT(refusal(wrong), testing::StartsWith("local.momentum: "));
  wrong.local = {.clip = -1};
  EXPECT_THAT(refusal(wrong), testing::StartsWith("local.clip: "));
}

/// Which coordinates of each of two equal buckets this rank sent.
std::array<std::vector<bool>, 2> drawn(Exchange& exchange, const Transport& t, const Step& step) {
  const Outcome outcome = run_step(exchange, floats(t.rank(), 0, 1000), step);
  std::array<std::vector<bool>, 2> buckets;
  for (std::size_t i = 0; i < 1000; ++i) buckets[i / 500].push_back(outcome.sent[i] != 0);
  return buckets;
}

TEST(ExchangeKeys, DifferBetweenStepsAndBucketsAndOwnOnesBetweenRanks) {
  for (const bool shared : {true, false}) {
    const ExchangeOptions options{
        .kind = GatherOptions{},
        .compressor = RandKOptions{.density = 0.1, .unbiased = false, .shared = shared},
        .bucket_bytes = 2000};
    std::array<std::array<std::vector<bool>, 2>, 3> by_rank;
    run_ranks(make_in_process_group(3), [&](Transport& t) {
      const auto exchange = make_exchange(options, t, kLayout);
      const auto mine = drawn(*exchange, t, step_of(0));
      EXPECT_NE(mine[0], mine[1]);
      EXPECT_NE(drawn(*exchange, t, step_of(1)), mine);
      by_rank[t.rank()] = mine;
    });
    EXPECT_EQ(by_rank[0] == by_rank[1], shared);
    EXPECT_EQ(by_rank[1] == by_rank[2], shared);
  }
}

/// Counts what is sent, for another thread to see.
class Watched final : public Forwarding {
 public:
  using Forwarding::Forwarding;

  Ticket post_send(int to, Tag tag, Bytes payload) override {
    ++sends;
    return inner().post_send(to, tag, payload);
  }

  std::atomic<int> sends = 0;
};

/// Waits for it, but not for ever.
bool comes_true(const std::function<bool()>& condition) {
  for (const Stopwatch watch; watch.seconds() < 10;) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

TEST(ExchangeOverlap, ABucketIsSentWhileThoseAfterItAreComputed) {
  for (const ExchangeKind& kind :
       {ExchangeKind{DenseOptions{}}, ExchangeKind{GatherOptions{}}, ExchangeKind{OwnerOptions{}},
        ExchangeKind{StarOptions{}},
        ExchangeKind{LinearOptions{LinearRandKOptions{.unbiased = false}}}})
    run_ranks(make_in_process_group(2), [&](Transport& t) {
      Watched watched(t);
      const auto exchange = make_exchange(
          {.kind = kind, .compressor = top_k(0.1), .bucket_bytes = 2000}, watched, kLayout);
      auto gradient = floats(t.rank(), 0, 1000);
      exchange->begin(gradient, {}, step_of(0));
      exchange->ready({501, 499});
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      EXPECT_EQ(watched.sends, 0) << "of a bucket that is not whole";
      exchange->ready({500, 1});
      EXPECT_TRUE(comes_true([&] { return watched.sends > 0; }));
      exchange->finish();
      EXPECT_GT(exchange->take_times().hidden, 0);
    });
}

TEST(ExchangeOverlap, OffNothingIsSentBeforeTheEnd) {
  run_ranks(make_in_process_group(2), [&](Transport& t) {
    Watched watched(t);
    const auto exchange =
        make_exchange({.kind = GatherOptions{}, .overlap = false}, watched, kLayout);
    auto gradient = floats(t.rank(), 0, 1000);
    exchange->begin(gradient, {}, step_of(0));
    exchange->ready({0, 1000});
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_EQ(watched.sends, 0);
    exchange->finish();
    EXPECT_EQ(exchange->take_times().hidden, 0);
  });
}

TEST(ExchangeFailure, ARoundThatIsLeftEndsTheGroup) {
  for (const auto& [name, options] : all_exchanges(3))
    run_ranks(make_in_process_group(3, {.rendezvous = true}), [&](Transport& t) {
      const auto exchange = make_exchange(options, t, kLayout);
      auto gradient = floats(t.rank(), 0, 1000);
      exchange->begin(gradient, {}, step_of(0));
      if (t.rank() == 1) {
        exchange->abandon();
        exchange->abandon();  // nothing more
        return;
      }
      exchange->ready({0, 1000});
      EXPECT_THROW(exchange->finish(), TransportError) << name;
    });
}

/// A network on which the last value of each frame that this rank sends comes in with its sign
/// changed, in front of a checksum if there is one.
class Damaging final : public Forwarding {
 public:
  Damaging(Transport& inner, bool checksum) : Forwarding(inner), behind_(checksum ? 5 : 1) {}

  Ticket post_send(int to, Tag tag, Bytes payload) override {
    if (tag.purpose != Purpose::frame) return inner().post_send(to, tag, payload);
    auto& changed = changed_.emplace_back(payload.begin(), payload.end());
    changed.at(changed.size() - behind_) ^= std::byte{0x80};
    return inner().post_send(to, tag, changed);
  }

 private:
  std::size_t behind_;
  std::deque<std::vector<std::byte>> changed_;
};

/// Of every kind that sends frames.
std::vector<ExchangeOptions> with_frames(bool checksum) {
  std::vector<ExchangeOptions> all;
  for (const ExchangeKind& kind :
       {ExchangeKind{GatherOptions{}}, ExchangeKind{OwnerOptions{}}, ExchangeKind{StarOptions{}},
        ExchangeKind{SparseDoublingOptions{}}, ExchangeKind{HierarchicalOptions{1}}})
    all.push_back({.kind = kind,
                   .compressor = top_k(0.1),
                   .frame = {.checksum = checksum},
                   .bucket_bytes = 2000});
  return all;
}

TEST(ExchangeChecksum, CostsFourBytesAFrameAndChangesNothingElse) {
  for (std::size_t kind = 0; kind < with_frames(true).size(); ++kind)
    run_ranks(make_in_process_group(2), [&](Transport& t) {
      const auto run = [&](bool checksum, Ledger& ledger) {
        const auto counted = count_bytes(t, ledger);
        const auto exchange = make_exchange(with_frames(checksum)[kind], *counted, kLayout);
        return run_step(*exchange, floats(t.rank(), 0, 1000), step_of(0)).average;
      };
      Ledger with, without;
      EXPECT_EQ(run(true, with), run(false, without)) << kind;
      EXPECT_GT(with.messages_sent, 0u);
      EXPECT_EQ(with.messages_sent, without.messages_sent);
      EXPECT_EQ(with.sent.framing, without.sent.framing + 4 * with.messages_sent);
      EXPECT_EQ(with.sent.total(), without.sent.total() + 4 * with.messages_sent);
      EXPECT_EQ(with.received.total(), without.received.total() + 4 * with.messages_received);
    });
}

TEST(ExchangeChecksum, FindsWhatTheNetworkHasChanged) {
  const auto run = [](const ExchangeOptions& options, bool damaged) {
    std::vector<float> average;
    run_ranks(make_in_process_group(2), [&](Transport& t) {
      Damaging damaging(t, options.frame.checksum);
      const auto exchange =
          make_exchange(options, damaged && t.rank() == 0 ? damaging : t, kLayout);
      const Outcome outcome = run_step(*exchange, floats(t.rank(), 0, 1000), step_of(0));
      if (t.rank() == 1) average = outcome.average;
    });
    return average;
  };
  for (const ExchangeOptions& options : with_frames(true)) {
    std::string why;  // rank 1's own, or what rank 0 hears of it
    try {
      run(options, true);
    } catch (const std::exception& e) {
      why = e.what();
    }
    EXPECT_THAT(why, testing::HasSubstr("the checksum does not match")) << options.kind.index();
  }
  for (const ExchangeOptions& options : with_frames(false))
    EXPECT_NE(run(options, true), run(options, false)) << options.kind.index();
}

TEST(ExchangeTimes, SayWhereTheTimeWent) {
  const ExchangeOptions options{.kind = GatherOptions{}, .compressor = top_k(0.1)};
  run_ranks(make_in_process_group(2, {.latency_seconds = 0.05}), [&](Transport& t) {
    const auto exchange = make_exchange(options, t, kLayout);
    run_step(*exchange, floats(t.rank(), 0, 1000), step_of(0));
    const ExchangeTimes times = exchange->take_times();
    EXPECT_GT(times.wait, 0.02);  // of 0.05, if the other was ahead
    EXPECT_GT(times.compress, 0);
    EXPECT_GT(times.decode, 0);
    EXPECT_LT(times.compress + times.decode, 0.04);
    EXPECT_EQ(exchange->take_times().wait, 0);
  });
}

}  // namespace
}  // namespace laconic::test
