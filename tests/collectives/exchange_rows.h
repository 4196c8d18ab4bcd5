#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "collectives/allreduce.h"
#include "collectives/exchange.h"
#include "collectives/ledger.h"
#include "collectives/transports/in_process.h"
#include "tests/collectives/ranks.h"
#include "tests/collectives/vectors.h"

/// Exchanges of every kind and setting, and steps of them: what tests of exchanges are made of.
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

inline const RandKOptions kContractive{.density = 0.1, .unbiased = false, .shared = false};

/// Compressed on the way to whoever adds up, and no further.
inline std::vector<NamedExchange> one_way_exchanges() {
  const auto gather = [](CompressorOptions compressor, FeedbackOptions feedback = {},
                         WarmUpOptions warm_up = {}) {
    return ExchangeOptions{.kind = GatherOptions{},
                           .compressor = compressor,
                           .feedback = feedback,
                           .warm_up = warm_up};
  };
  return {
      {"gather identity", gather(IdentityOptions{})},
      {"gather top_k", gather(top_k(0.05))},
      {"gather top_k bf16", gather(top_k(0.05, Bf16Options{}))},
      {"gather top_k, feedback scaled", gather(top_k(0.05), {.scale = 0.5f, .decay = 0.75f})},
      {"gather top_k, warm-up", gather(top_k(0.01), {}, {.steps = 3, .stages = 2})},
      {"gather rand_k", gather(kContractive)},
      {"gather top_k, no feedback", gather(top_k(0.05), {.on = false})},
      {"gather rand_k, no feedback", gather(RandKOptions{.density = 0.1}, {.on = false})},
  };
}

/// Compressed both ways, with legs alike and unlike. The last rank is the hub where one is.
inline std::vector<NamedExchange> two_way_exchanges(int ranks) {
  const LegOptions sparse{top_k(0.05), {}}, plain{IdentityOptions{}, {.on = false}},
      scaled{top_k(0.1, Bf16Options{}), {.scale = 0.5f, .decay = 0.75f}}, random{kContractive, {}},
      unbiased{RandKOptions{.density = 0.1}, {.on = false}};
  std::vector<NamedExchange> all;
  const auto add = [&](const std::string& name, const LegOptions& up,
                       std::optional<LegOptions> down, WarmUpOptions warm_up = {}) {
    ExchangeOptions options{.kind = OwnerOptions{},
                            .compressor = up.compressor,
                            .feedback = up.feedback,
                            .warm_up = warm_up,
                            .down = down};
    all.push_back({"owner " + name, options});
    options.kind = StarOptions{ranks - 1};
    all.push_back({"star " + name, options});
  };
  add("top_k", sparse, {}, {.steps = 3, .stages = 2});
  add("top_k, identity down", sparse, plain);
  add("identity, top_k scaled down", plain, scaled);
  add("rand_k, top_k down", random, sparse, {.steps = 2});
  add("rand_k unbiased", unbiased, unbiased);
  return all;
}

/// Sums in the compressed domain.
inline std::vector<NamedExchange> linear_exchanges() {
  const auto linear = [](LinearCompressorOptions compressor, FeedbackOptions feedback = {},
                         LocalOptions local = {}) {
    return ExchangeOptions{
        .kind = LinearOptions{compressor, "ring"}, .feedback = feedback, .local = local};
  };
  const LinearRandKOptions few{.density = 0.1, .unbiased = false};
  return {{"linear rand_k", linear(few)},
          {"linear rand_k, momentum", linear(few, {.decay = 0.75f}, {.momentum = 0.5f})},
          {"linear rand_k, unbiased", linear(LinearRandKOptions{.density = 0.1}, {.on = false})},
          {"linear power_sgd", linear(PowerSgdOptions{.rank = 2})},
          {"linear power_sgd, one side", linear(PowerSgdOptions{.rank = 1, .rounds = 1})}};
}

/// Whose payloads are merged or passed on before they are averaged.
inline std::vector<NamedExchange> merging_exchanges() {
  std::vector<NamedExchange> all;
  const auto add = [&](const std::string& name, const ExchangeKind& kind,
                       CompressorOptions compressor, FeedbackOptions feedback = {}) {
    all.push_back({name, {.kind = kind, .compressor = compressor, .feedback = feedback}});
  };
  add("sparse doubling top_k", SparseDoublingOptions{}, top_k(0.05));
  add("sparse doubling top_k that fills up", SparseDoublingOptions{}, top_k(0.4, Bf16Options{}));
  add("sparse doubling threshold", SparseDoublingOptions{}, ThresholdOptions{.at = 1},
      {.scale = 0.5f, .decay = 0.75f});
  for (const int each : {0, 1, 2, 3})
    add("hierarchical top_k by " + std::to_string(each), HierarchicalOptions{each}, top_k(0.05));
  add("hierarchical rand_k, no feedback", HierarchicalOptions{2}, RandKOptions{.density = 0.1},
      {.on = false});
  return all;
}

/// Ranks that correct their gradients before they are compressed.
inline std::vector<NamedExchange> corrected_exchanges() {
  std::vector<NamedExchange> all;
  for (const bool masking : {true, false}) {
    ExchangeOptions options{.kind = GatherOptions{},
                            .compressor = top_k(0.05),
                            .local = {.momentum = 0.5f, .factor_masking = masking, .clip = 1e6f}};
    all.push_back(
        {masking ? "gather top_k, momentum" : "gather top_k, momentum unmasked", options});
    options.kind = OwnerOptions{};
    all.push_back({masking ? "owner top_k, momentum" : "owner top_k, momentum unmasked", options});
  }
  return all;
}

inline std::vector<NamedExchange> compressed_exchanges(int ranks) {
  auto all = one_way_exchanges();
  for (auto& exchange : two_way_exchanges(ranks)) all.push_back(std::move(exchange));
  return all;
}

inline std::vector<NamedExchange> all_exchanges(int ranks) {
  auto all = dense_exchanges();
  for (auto& exchange : compressed_exchanges(ranks)) all.push_back(std::move(exchange));
  for (auto& exchange : linear_exchanges()) all.push_back(std::move(exchange));
  for (auto& exchange : merging_exchanges()) all.push_back(std::move(exchange));
  for (auto& exchange : corrected_exchanges()) all.push_back(std::move(exchange));
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

/// What error feedback keeps on a leg, "up" or "down", by element of the flat vector; NaN for
/// what this rank keeps nothing of.
inline std::vector<float> residual_of(const Exchange& exchange, const std::string& leg,
                                      std::size_t length) {
  StateWriter writer;
  exchange.save(writer);
  const StateReader reader(writer.blob(), "test");
  std::vector<float> residual(length, std::numeric_limits<float>::quiet_NaN());
  if (!reader.has(leg + "/residual")) return residual;
  const auto values = reader.floats(leg + "/residual");
  const auto ranges = reader.u64s(leg + "/ranges");
  std::size_t done = 0;
  for (std::size_t i = 0; i < ranges.size(); i += 2) {
    std::copy_n(values.begin() + done, ranges[i + 1], residual.begin() + ranges[i]);
    done += ranges[i + 1];
  }
  EXPECT_EQ(done, values.size());
  return residual;
}

inline std::vector<int> everybody(const Transport& t) {
  std::vector<int> ranks(t.size());
  std::iota(ranks.begin(), ranks.end(), 0);
  return ranks;
}

inline Step step_of(std::uint64_t index, std::span<const int> participants = {}) {
  return {index, make_key(5, kEveryRank, index, RngPurpose::test), participants};
}

/// Puts together what comes in pieces: each element once.
inline std::vector<float> joined(const Pieces& pieces, std::size_t length) {
  std::vector<float> vector(length);
  std::vector<int> times(length);
  pieces.each([&](Slice where, Floats values) {
    ASSERT_EQ(values.size(), where.count);
    ASSERT_LE(where.end(), length);
    std::copy(values.begin(), values.end(), part(MutFloats(vector), where).begin());
    for (std::size_t i = where.begin; i < where.end(); ++i) ++times[i];
  });
  EXPECT_EQ(std::count(times.begin(), times.end(), 1), length);
  return vector;
}

/// Average and sent of one step on gradients that depend on rank and step. Some ranks take the
/// average in pieces, others whole, which must be the same. Collective.
struct Outcome {
  std::vector<float> average, sent;
};
inline Outcome run_step(Exchange& exchange, std::vector<float> gradient, const Step& step) {
  const bool in_pieces =
      !gradient.empty() && std::bit_cast<std::uint32_t>(gradient.front()) % 2 == 1;
  Outcome outcome{std::move(gradient), {}};
  outcome.sent.assign(outcome.average.size(), -1);
  exchange.begin(outcome.average, outcome.sent, step);
  // As a backward pass does, from the end, in parts that are no buckets; the last is left out.
  constexpr std::size_t kPart = 77;
  for (std::size_t end = outcome.average.size(); end > kPart; end -= kPart)
    exchange.ready({end - kPart, kPart});
  if (in_pieces)
    outcome.average = joined(exchange.finish_in_pieces(), outcome.average.size());
  else
    exchange.finish();
  return outcome;
}

}  // namespace laconic::test
