#pragma once

#include <gtest/gtest.h>

#include "collectives/allreduce.h"
#include "collectives/bucket_plan.h"
#include "collectives/exchange.h"
#include "collectives/ledger.h"
#include "collectives/transports/in_process.h"
#include "tests/collectives/ranks.h"
#include "tests/collectives/vectors.h"

/// What every exchange must do over every kind of group.
namespace laconic::test {

struct NamedExchange {
  std::string name;
  ExchangeOptions options;
};

inline TopKOptions top_k(double density, ValueFormat values = Float32Options{}) {
  return {.density = density, .values = values, .indices = IndexCoding::raw32};
}

inline std::vector<NamedExchange> dense_exchanges() {
  std::vector<NamedExchange> all;
  for (const AllreduceAlgorithm& algorithm : allreduce_algorithms())
    all.push_back({"dense " + std::string(algorithm.name),
                   {.kind = DenseOptions{std::string(algorithm.name)}}});
  return all;
}

/// With error feedback, but for the last two.
inline std::vector<NamedExchange> compressed_exchanges() {
  const auto gather = [](CompressorOptions compressor, FeedbackOptions feedback = {},
                         WarmUpOptions warm_up = {}) {
    return ExchangeOptions{.kind = GatherOptions{},
                           .compressor = compressor,
                           .feedback = feedback,
                           .warm_up = warm_up};
  };
  const RandKOptions contractive{.density = 0.1, .unbiased = false, .shared = false};
  return {
      {"gather identity", gather(IdentityOptions{})},
      {"gather top_k", gather(top_k(0.05))},
      {"gather top_k bf16", gather(top_k(0.05, Bf16Options{}))},
      {"gather top_k, feedback scaled", gather(top_k(0.05), {.scale = 0.5f, .decay = 0.75f})},
      {"gather top_k, warm-up", gather(top_k(0.01), {}, {.steps = 3, .stages = 2})},
      {"gather rand_k", gather(contractive)},
      {"gather top_k, no feedback", gather(top_k(0.05), {.on = false})},
      {"gather rand_k, no feedback", gather(RandKOptions{.density = 0.1}, {.on = false})},
  };
}

inline std::vector<NamedExchange> all_exchanges() {
  auto all = dense_exchanges();
  for (auto& exchange : compressed_exchanges()) all.push_back(std::move(exchange));
  return all;
}

/// One tensor of every awkward length up to `longest`, and then one layout of several tensors; in
/// the last ones there are more buckets than an exchange has in flight.
inline std::vector<Layout> layouts(std::size_t longest = 1 << 17) {
  std::vector<Layout> all;
  for (const std::size_t length : kAwkwardLengths)
    if (length <= longest) all.push_back({{"only", 0, length, 1}});
  all.push_back({{"a", 0, 3, 5}, {"b", 15, 64, 9}, {"c", 591, 1, 1}, {"d", 592, 90, 30}});
  return all;
}

inline std::size_t bucket_bytes(const Layout& layout) {
  return flat_size(layout) > 10000 ? 40000 : 1200;
}

inline std::vector<float> residual_of(const Exchange& exchange, std::size_t length) {
  StateWriter writer;
  exchange.save(writer);
  StateReader reader(writer.blob(), "test");
  return reader.has("residual") ? reader.floats("residual") : std::vector<float>(length);
}

inline Step step_of(std::uint64_t index, std::span<const int> participants = {}) {
  return {index, make_key(5, kEveryRank, index, RngPurpose::test), participants};
}

/// Average and sent of one step on gradients that depend on rank and step. Collective.
struct Outcome {
  std::vector<float> average, sent;
};
inline Outcome run_step(Exchange& exchange, std::vector<float> gradient, const Step& step) {
  Outcome outcome{std::move(gradient), {}};
  outcome.sent.assign(outcome.average.size(), -1);
  exchange.begin(outcome.average, outcome.sent, step);
  exchange.ready({0, outcome.average.size()});
  exchange.finish();
  return outcome;
}

class Exchanges : public testing::TestWithParam<GroupKind> {
 protected:
  using Body = std::function<void(Transport&, const ExchangeOptions&, const Layout&)>;

  void on_every(const std::vector<NamedExchange>& exchanges, const std::vector<Layout>& layouts,
                const Body& body) {
    for (const int ranks : GetParam().sizes)
      GetParam().run(ranks, [&](Transport& t) {
        for (const NamedExchange& exchange : exchanges)
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
  on_every(dense_exchanges(), layouts(),
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
             double bytes = 0;
             for (const Slice bucket : plan_buckets(layout, options.bucket_bytes))
               bytes += allreduce.cost(bucket.count, {.ranks = t.size()}).bytes_mean;
             double sent = 0;
             for (const std::uint64_t of_rank : from_every_rank(t, ledger.sent.dense))
               sent += static_cast<double>(of_rank);
             EXPECT_DOUBLE_EQ(sent / t.size(), bytes);
             EXPECT_EQ(ledger.sent.total(), ledger.sent.dense);
           });
}

/// decay * residual + scale * gradient, the vector that a step compresses.
inline std::vector<float> corrected(const ExchangeOptions& options, Floats residual,
                                    Floats gradient) {
  std::vector<float> v(gradient.begin(), gradient.end());
  if (!options.feedback.on) return v;
  for (std::size_t i = 0; i < v.size(); ++i)
    v[i] = options.feedback.decay * residual[i] + options.feedback.scale * gradient[i];
  return v;
}

TEST_P(Exchanges, WhatIsNotSentStaysInTheResidualAndTheAverageIsWhatWasSent) {
  on_every(compressed_exchanges(), layouts(1000),
           [](Transport& t, const ExchangeOptions& options, const Layout& layout) {
             const std::size_t length = flat_size(layout);
             const auto exchange = make_exchange(options, t, layout);
             for (std::uint64_t step = 0; step < 4; ++step) {
               const auto before = residual_of(*exchange, length);
               const auto gradient = floats(t.rank(), step, length);
               const Outcome outcome = run_step(*exchange, gradient, step_of(step));
               const auto after = residual_of(*exchange, length);

               auto sum = outcome.sent;
               for (std::size_t i = 0; i < length; ++i) sum[i] += after[i];
               if (options.feedback.on)
                 EXPECT_TRUE(sum == corrected(options, before, gradient));
               else
                 EXPECT_TRUE(after == std::vector<float>(length));

               std::vector<float> average(length);
               const float scale = 1.0f / static_cast<float>(t.size());
               for (const auto& bytes :
                    allgather(t, std::as_bytes(Floats(outcome.sent)), kCheckChannel)) {
                 std::vector<float> sent(length);
                 if (length > 0) std::memcpy(sent.data(), bytes.data(), bytes.size());
                 for (std::size_t i = 0; i < length; ++i) average[i] += scale * sent[i];
               }
               EXPECT_TRUE(outcome.average == average);
             }
           });
}

TEST_P(Exchanges, GatherSendsItsFramesToEveryOtherRank) {
  for (const double density : {0.01, 0.2}) {
    const NamedExchange gather{"gather", {.kind = GatherOptions{}, .compressor = top_k(density)}};
    on_every({gather}, layouts(),
             [&](Transport& t, const ExchangeOptions& options, const Layout& layout) {
               Ledger ledger;
               const auto counted = count_bytes(t, ledger);
               const auto exchange = make_exchange(options, *counted, layout);
               run_step(*exchange, floats(t.rank(), 0, flat_size(layout)), step_of(0));
               std::size_t kept = 0;
               const auto buckets = plan_buckets(layout, options.bucket_bytes);
               for (const Slice bucket : buckets)
                 kept += bucket.count == 1 ? 0 : kept_elements(density, bucket.count);
               const std::size_t others = t.size() - 1;
               EXPECT_EQ(ledger.messages_sent, others * buckets.size());
               EXPECT_EQ(ledger.sent.indices, others * kept * 4);  // none where all are kept
               EXPECT_EQ(ledger.sent.values % (others > 0 ? others * 4 : 1), 0u);
               EXPECT_EQ(ledger.received.values, ledger.sent.values);
               EXPECT_EQ(ledger.received.indices, ledger.sent.indices);
               EXPECT_EQ(ledger.sent.dense + ledger.sent.control, 0u);
             });
  }
}

/// Hashes of what a rank holds after each of a few steps, and its residual at the end.
inline std::vector<std::uint64_t> trace(Transport& t, Exchange& exchange, std::size_t length,
                                        std::uint64_t begin, std::uint64_t end) {
  std::vector<std::uint64_t> hashes;
  for (std::uint64_t step = begin; step < end; ++step)
    hashes.push_back(
        hash_of(run_step(exchange, floats(t.rank(), step, length), step_of(step)).average));
  hashes.push_back(hash_of(residual_of(exchange, length)));
  return hashes;
}

TEST_P(Exchanges, LeaveTheSameBitsEverywhereAndOnEveryTransport) {
  const auto all = layouts(1000);
  on_every(all_exchanges(), {all.end() - 2, all.end()},
           [](Transport& t, const ExchangeOptions& options, const Layout& layout) {
             const std::size_t length = flat_size(layout);
             const auto exchange = make_exchange(options, t, layout);
             const auto mine = trace(t, *exchange, length, 0, 3);
             for (std::size_t step = 0; step < 3; ++step)
               for (const std::uint64_t hash : from_every_rank(t, mine[step]))
                 EXPECT_EQ(hash, mine[step]) << "step " << step;
             if (t.rank() != 0) return;
             std::vector<std::uint64_t> reference;
             run_ranks(make_in_process_group(t.size()), [&](Transport& thread) {
               const auto other = make_exchange(options, thread, layout);
               const auto theirs = trace(thread, *other, length, 0, 3);
               if (thread.rank() == 0) reference = theirs;
             });
             EXPECT_EQ(mine, reference);
           });
}

TEST_P(Exchanges, GoOnFromSavedStateAsIfNothingHadHappened) {
  on_every(all_exchanges(), {layouts().back()},
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
  on_every(all_exchanges(), {layouts().back()},
           [](Transport& t, const ExchangeOptions& options, const Layout& layout) {
             const std::size_t length = flat_size(layout);
             const auto exchange = make_exchange(options, t, layout);
             trace(t, *exchange, length, 0, 1);
             for (const std::vector<int>& some :
                  {std::vector{t.size() - 1}, std::vector{0, t.size() / 2 + 1}}) {
               if (some.back() >= t.size()) continue;
               const bool takes_part = std::count(some.begin(), some.end(), t.rank()) > 0;
               const auto before = residual_of(*exchange, length);
               const Outcome outcome =
                   run_step(*exchange, integers(t.rank(), 1, length), step_of(1, some));
               EXPECT_TRUE(same_on_every_rank(t, outcome.average));
               const auto sents = allgather(t, std::as_bytes(Floats(outcome.sent)), kCheckChannel);
               std::vector<float> average(length);
               for (const int r : some) {
                 std::vector<float> sent(length);
                 std::memcpy(sent.data(), sents[r].data(), sents[r].size());
                 for (std::size_t i = 0; i < length; ++i)
                   average[i] += sent[i] / static_cast<float>(some.size());  // 1 or 2: exact
               }
               for (std::size_t i = 0; i < length; ++i)
                 ASSERT_FLOAT_EQ(outcome.average[i], average[i]) << i;
               if (takes_part) continue;
               EXPECT_TRUE(outcome.sent == std::vector<float>(length));
               EXPECT_TRUE(residual_of(*exchange, length) == before);
             }
           });
}

}  // namespace laconic::test
