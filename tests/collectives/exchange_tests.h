#pragma once

#include <gtest/gtest.h>

#include <cmath>

#include "collectives/bucket_plan.h"
#include "collectives/chunk.h"
#include "tests/collectives/exchange_rows.h"

/// What every exchange must do over every kind of group.
namespace laconic::test {

class Exchanges : public testing::TestWithParam<GroupKind> {
 protected:
  using Rows = std::function<std::vector<NamedExchange>(int ranks)>;
  using Body = std::function<void(Transport&, const ExchangeOptions&, const Layout&)>;

  static Rows only(const ExchangeOptions& options) {
    return [options](int) { return std::vector<NamedExchange>{{"only", options}}; };
  }

  void on_every(const Rows& exchanges, const std::vector<Layout>& layouts, const Body& body) {
    for (const int ranks : GetParam().sizes)
      GetParam().run(ranks, [&](Transport& t) {
        for (const NamedExchange& exchange : exchanges(ranks))
          for (const Layout& layout : layouts) {
            SCOPED_TRACE(exchange.name + " of " + std::to_string(flat_size(layout)) + " on " +
                         std::to_string(ranks));
            ExchangeOptions options = exchange.options;
            options.bucket_bytes = bucket_bytes(layout);
            body(t, options, layout);
          }
      });
  }
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Exchanges);

TEST_P(Exchanges, DenseAveragesExactlyAtTheCostOfItsSums) {
  on_every([](int) { return dense_exchanges(); }, layouts(),
           [](Transport& t, const ExchangeOptions& options, const Layout& layout) {
             const std::size_t length = flat_size(layout);
             Ledger ledger;
             const auto counted = count_bytes(t, ledger);
             const auto exchange = make_exchange(options, *counted, layout);
             const auto mine = integers(t.rank(), 0, length);
             const Outcome outcome = run_step(*exchange, mine, step_of(0));
             auto expected = sum_of_integers(t.size(), 0, length);
             for (float& value : expected) value /= static_cast<float>(t.size());
             EXPECT_TRUE(outcome.average == expected);
             EXPECT_TRUE(outcome.sent == mine);

             const auto& allreduce = find_allreduce(std::get<DenseOptions>(options.kind).allreduce);
             const Topology topology = topology_of(t, mine);
             double bytes = 0;
             for (const Slice bucket : plan_buckets(layout, options.bucket_bytes))
               bytes += allreduce.cost(bucket.count, topology).bytes_mean;
             double sent = 0;
             for (const std::uint64_t of_rank : from_every_rank(t, ledger.sent.total()))
               sent += static_cast<double>(of_rank);
             EXPECT_DOUBLE_EQ(sent / t.size(), bytes);
             EXPECT_EQ(ledger.sent.total(), ledger.sent.dense + ledger.sent.control);
           });
}

/// Of every element, what a leg has sent of `in` (with the residual kept from before) and what it
/// keeps must be what there was to send. `before` is NaN where the leg keeps nothing.
inline void expect_nothing_lost(const FeedbackOptions& feedback, Floats before, Floats in,
                                Floats sent, Floats after) {
  for (std::size_t i = 0; i < in.size(); ++i) {
    ASSERT_EQ(std::isnan(before[i]), std::isnan(after[i])) << i;
    if (std::isnan(before[i])) continue;
    const float corrected = feedback.decay * before[i] + feedback.scale * in[i];
    ASSERT_EQ(sent[i] + after[i], corrected) << i;
  }
}

/// Up to the rounding of a few sums.
inline void expect_near(Floats a, Floats b) {
  double largest = 1e-30;
  for (const float x : b) largest = std::max<double>(largest, std::abs(x));
  for (std::size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 1e-5 * largest) << i;
}

/// How often each element's residual is kept, over all ranks. Collective.
inline std::vector<int> keepers(Transport& t, Floats residual) {
  std::vector<int> count(residual.size());
  for (const auto& bytes : allgather(t, std::as_bytes(residual), kCheckChannel)) {
    std::vector<float> of_rank(residual.size());
    if (!bytes.empty()) std::memcpy(of_rank.data(), bytes.data(), bytes.size());
    for (std::size_t i = 0; i < count.size(); ++i) count[i] += std::isnan(of_rank[i]) ? 0 : 1;
  }
  return count;
}

/// The mean of what the given ranks sent, added in their order. Collective.
inline std::vector<float> mean_of(Transport& t, Floats sent, const std::vector<int>& ranks) {
  std::vector<float> mean(sent.size()), of_rank(sent.size());
  const auto all = allgather(t, std::as_bytes(sent), kCheckChannel);
  for (const int r : ranks) {
    if (!sent.empty()) std::memcpy(of_rank.data(), all[r].data(), all[r].size());
    for (std::size_t i = 0; i < mean.size(); ++i)
      mean[i] += 1.0f / static_cast<float>(ranks.size()) * of_rank[i];
  }
  return mean;
}

/// One step of any compressed exchange, and all that must hold of it: a participant's part and its
/// residual make up what it had; the average is the mean of what was sent, or, where that is
/// compressed again, part of it, the rest of which is in the one residual that somebody keeps.
inline Outcome checked_step(Transport& t, Exchange& exchange, const ExchangeOptions& options,
                            const std::vector<float>& gradient, const Step& step) {
  const std::size_t length = gradient.size();
  const std::vector<int> participants =
      step.participants.empty()
          ? everybody(t)
          : std::vector<int>(step.participants.begin(), step.participants.end());
  const auto up = residual_of(exchange, "up", length), down = residual_of(exchange, "down", length);
  const Outcome outcome = run_step(exchange, gradient, step);
  const auto up_after = residual_of(exchange, "up", length),
             down_after = residual_of(exchange, "down", length);

  if (std::count(participants.begin(), participants.end(), t.rank()) > 0) {
    expect_nothing_lost(options.feedback, up, gradient, outcome.sent, up_after);
  } else {
    EXPECT_TRUE(outcome.sent == std::vector<float>(length));
    EXPECT_EQ(hash_of(up_after), hash_of(up));
  }
  EXPECT_EQ(std::isnan(up.empty() ? 0 : up[0]), !options.feedback.on && length > 0);

  const auto mean = mean_of(t, outcome.sent, participants);
  if (std::holds_alternative<GatherOptions>(options.kind)) {
    EXPECT_TRUE(outcome.average == mean);
  } else {
    const LegOptions leg = options.down.value_or(LegOptions{options.compressor, options.feedback});
    expect_nothing_lost(leg.feedback, down, mean, outcome.average, down_after);
    if (step.index == 0) {
      EXPECT_EQ(keepers(t, down_after), std::vector<int>(length, leg.feedback.on ? 1 : 0));
    }
  }
  return outcome;
}

TEST_P(Exchanges, WhatIsNotSentStaysInAResidualAndTheAverageIsWhatWasSent) {
  on_every(compressed_exchanges, {layouts(0).front(), layouts(3).end()[-2], layouts().back()},
           [](Transport& t, const ExchangeOptions& options, const Layout& layout) {
             const auto exchange = make_exchange(options, t, layout);
             for (std::uint64_t step = 0; step < 2; ++step)
               checked_step(t, *exchange, options, floats(t.rank(), step, flat_size(layout)),
                            step_of(step));
           });
}

TEST_P(Exchanges, WithoutCompressionTheAverageIsExact) {
  for (const ExchangeKind& kind :
       {ExchangeKind{GatherOptions{}}, ExchangeKind{OwnerOptions{}}, ExchangeKind{StarOptions{}}}) {
    on_every(only({.kind = kind, .compressor = IdentityOptions{}}), layouts(),
             [](Transport& t, const ExchangeOptions& options, const Layout& layout) {
               const std::size_t length = flat_size(layout);
               const auto exchange = make_exchange(options, t, layout);
               const auto mine = integers(t.rank(), 0, length);
               EXPECT_TRUE(run_step(*exchange, mine, step_of(0)).average ==
                           mean_of(t, mine, everybody(t)));
             });
  }
}

TEST_P(Exchanges, LinearOnesAverageWhatWasSentAndKeepTheRest) {
  on_every([](int) { return linear_exchanges(); }, layouts(),
           [](Transport& t, const ExchangeOptions& options, const Layout& layout) {
             const std::size_t length = flat_size(layout);
             const auto exchange = make_exchange(options, t, layout);
             for (std::uint64_t step = 0; step < 3; ++step) {
               const auto before = residual_of(*exchange, "up", length);
               const auto mine = floats(t.rank(), step, length);
               const Outcome outcome = run_step(*exchange, mine, step_of(step));
               expect_near(outcome.average, mean_of(t, outcome.sent, everybody(t)));
               if (!options.feedback.on || options.local.momentum > 0) continue;
               const auto after = residual_of(*exchange, "up", length);
               std::vector<float> had(length), made(length);
               for (std::size_t i = 0; i < length; ++i) {
                 had[i] = mine[i] + before[i];
                 made[i] = outcome.sent[i] + after[i];
               }
               expect_near(made, had);
             }
           });
}

inline bool merges(const ExchangeOptions& options) {
  return std::holds_alternative<SparseDoublingOptions>(options.kind) ||
         std::holds_alternative<HierarchicalOptions>(options.kind);
}

/// What all ranks have sent, and what they keep, is what they had; the average is the mean of what
/// was sent. (Of a node one rank tells and keeps: so the sums over all ranks are compared.)
TEST_P(Exchanges, MergingOnesAverageWhatWasSentAndKeepTheRest) {
  on_every([](int) { return merging_exchanges(); }, layouts(),
           [](Transport& t, const ExchangeOptions& options, const Layout& layout) {
             const std::size_t length = flat_size(layout);
             const auto exchange = make_exchange(options, t, layout);
             const auto zero_where_nothing = [](std::vector<float> v) {
               for (float& x : v) x = std::isnan(x) ? 0 : x;
               return v;
             };
             for (std::uint64_t step = 0; step < 3; ++step) {
               const auto before = zero_where_nothing(residual_of(*exchange, "up", length));
               const auto mine = floats(t.rank(), step, length);
               const Outcome outcome = run_step(*exchange, mine, step_of(step));
               expect_near(outcome.average, mean_of(t, outcome.sent, everybody(t)));
               if (!options.feedback.on) continue;
               const auto after = zero_where_nothing(residual_of(*exchange, "up", length));
               std::vector<float> had(length), made(length);
               for (std::size_t i = 0; i < length; ++i) {
                 had[i] = options.feedback.scale * mine[i] + options.feedback.decay * before[i];
                 made[i] = outcome.sent[i] + after[i];
               }
               expect_near(mean_of(t, made, everybody(t)), mean_of(t, had, everybody(t)));
             }
           });
}

/// Values and indices of one frame of a Top-k.
inline std::size_t kept_bytes(double density, std::size_t count) {
  const std::size_t kept = kept_elements(density, count);
  return kept * (kept == count ? 4 : 8);  // no index travels where everything is kept
}

/// What a rank sends in a round of Top-k: messages, and bytes of values and indices.
struct Traffic {
  std::size_t messages = 0, bytes = 0;
  friend bool operator==(const Traffic&, const Traffic&) = default;
};
inline Traffic traffic(const ExchangeKind& kind, double density, std::size_t bucket, int rank,
                       int ranks) {
  const std::size_t others = ranks - 1;
  if (std::holds_alternative<GatherOptions>(kind))
    return {others, others * kept_bytes(density, bucket)};
  if (const auto* star = std::get_if<StarOptions>(&kind)) {
    const std::size_t frames = rank == star->hub ? others : 1;
    return {frames, frames * kept_bytes(density, bucket)};
  }
  Traffic sent;
  for (int owner = 0; owner < ranks; ++owner) {
    const std::size_t shard = chunk(bucket, ranks, owner).count;
    const std::size_t frames = shard == 0 ? 0 : owner == rank ? others : 1;
    sent.messages += frames;
    sent.bytes += frames * (shard == 0 ? 0 : kept_bytes(density, shard));
  }
  return sent;
}

TEST_P(Exchanges, SendWhatTheirKindSays) {
  for (const ExchangeKind& kind :
       {ExchangeKind{GatherOptions{}}, ExchangeKind{OwnerOptions{}}, ExchangeKind{StarOptions{}}})
    for (const double density : {0.01, 0.2})
      on_every(only({.kind = kind, .compressor = top_k(density)}), layouts(),
               [&](Transport& t, const ExchangeOptions& options, const Layout& layout) {
                 Ledger ledger;
                 const auto counted = count_bytes(t, ledger);
                 const auto exchange = make_exchange(options, *counted, layout);
                 run_step(*exchange, floats(t.rank(), 0, flat_size(layout)), step_of(0));
                 Traffic expected;
                 for (const Slice bucket : plan_buckets(layout, options.bucket_bytes)) {
                   const auto of_bucket = traffic(kind, density, bucket.count, t.rank(), t.size());
                   expected.messages += of_bucket.messages;
                   expected.bytes += of_bucket.bytes;
                 }
                 EXPECT_EQ(ledger.messages_sent, expected.messages);
                 EXPECT_EQ(ledger.sent.values + ledger.sent.indices, expected.bytes);
                 EXPECT_EQ(ledger.sent.dense + ledger.sent.control, 0u);
                 std::uint64_t sent = 0, received = 0;
                 for (const Ledger& of_rank : from_every_rank(t, ledger)) {
                   sent += of_rank.sent.total();
                   received += of_rank.received.total();
                 }
                 EXPECT_EQ(sent, received);
               });
}

/// Hashes of what a rank holds after each of a few steps, and its residual at the end.
inline std::vector<std::uint64_t> trace(Transport& t, Exchange& exchange, std::size_t length,
                                        std::uint64_t begin, std::uint64_t end) {
  std::vector<std::uint64_t> hashes;
  for (std::uint64_t step = begin; step < end; ++step)
    hashes.push_back(
        hash_of(run_step(exchange, floats(t.rank(), step, length), step_of(step)).average));
  for (const char* leg : {"up", "down"})
    hashes.push_back(hash_of(residual_of(exchange, leg, length)));
  return hashes;
}

TEST_P(Exchanges, LeaveTheSameBitsEverywhereOnEveryTransportOverlappedOrNot) {
  const auto all = layouts(1000);
  on_every(all_exchanges, {all.end() - 2, all.end()},
           [](Transport& t, const ExchangeOptions& options, const Layout& layout) {
             const std::size_t length = flat_size(layout);
             const auto exchange = make_exchange(options, t, layout);
             const auto mine = trace(t, *exchange, length, 0, 3);
             for (std::size_t step = 0; step < 3; ++step)
               for (const std::uint64_t hash : from_every_rank(t, mine[step]))
                 EXPECT_EQ(hash, mine[step]) << "step " << step;
             if (t.rank() != 0) return;
             ExchangeOptions late = options;
             late.overlap = !options.overlap;
             std::vector<std::uint64_t> reference;
             run_ranks(make_in_process_group(t.size()), [&](Transport& thread) {
               const auto other = make_exchange(late, thread, layout);
               const auto theirs = trace(thread, *other, length, 0, 3);
               if (thread.rank() == 0) reference = theirs;
             });
             EXPECT_EQ(mine, reference);
           });
}

TEST_P(Exchanges, GoOnFromSavedStateAsIfNothingHadHappened) {
  on_every(all_exchanges, {layouts().back()},
           [](Transport& t, const ExchangeOptions& options, const Layout& layout) {
             const std::size_t length = flat_size(layout);
             const auto whole = make_exchange(options, t, layout);
             trace(t, *whole, length, 0, 2);
             StateWriter writer;
             whole->save(writer);
             const auto expected = trace(t, *whole, length, 2, 5);

             const auto resumed = make_exchange(options, t, layout);
             trace(t, *resumed, length, 7, 8);  // whatever it held before
             StateReader reader(writer.blob(), "test");
             resumed->load(reader);
             EXPECT_EQ(trace(t, *resumed, length, 2, 5), expected);
           });
}

TEST_P(Exchanges, AverageOverThoseWhoTakePart) {
  on_every(all_exchanges, {layouts().back()},
           [](Transport& t, const ExchangeOptions& options, const Layout& layout) {
             const std::size_t length = flat_size(layout);
             const auto exchange = make_exchange(options, t, layout);
             trace(t, *exchange, length, 0, 1);
             for (const std::vector<int>& some :
                  {std::vector{t.size() - 1}, std::vector{0, t.size() / 2 + 1}}) {
               if (some.back() >= t.size()) continue;
               const auto mine = integers(t.rank(), 1, length);
               if (options.local.momentum > 0) continue;  // what is sent is not the gradient
               if (std::holds_alternative<LinearOptions>(options.kind) || merges(options)) {
                 const Outcome outcome = run_step(*exchange, mine, step_of(1, some));
                 // A node's leader tells of others, and even where it takes no part itself.
                 auto mean = mean_of(t, outcome.sent, everybody(t));
                 for (float& value : mean)
                   value *= static_cast<float>(t.size()) / static_cast<float>(some.size());
                 expect_near(outcome.average, mean);
                 continue;
               }
               if (!std::holds_alternative<DenseOptions>(options.kind)) {
                 checked_step(t, *exchange, options, mine, step_of(1, some));
                 continue;
               }
               const Outcome outcome = run_step(*exchange, mine, step_of(1, some));
               EXPECT_TRUE(outcome.average == mean_of(t, mine, some));  // halves: exact
             }
           });
}

}  // namespace laconic::test
