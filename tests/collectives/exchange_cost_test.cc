#include "collectives/exchange_cost.h"

#include "tests/collectives/exchange_rows.h"

namespace laconic::test {
namespace {

/// Latencies beside which all else is nothing.
constexpr double kAge = 1e6;

Computation at_once() { return {}; }

/// Whose critical path is known beforehand.
std::vector<NamedExchange> simple_exchanges(int ranks) {
  auto all = dense_exchanges();
  for (auto& exchange : compressed_exchanges(ranks)) all.push_back(std::move(exchange));
  return all;
}

double latencies_of(const ExchangeOptions& options, int ranks) {
  if (ranks == 1) return 0;
  if (const auto* dense = std::get_if<DenseOptions>(&options.kind))
    return static_cast<double>(
        find_allreduce(dense->allreduce).cost(1000, {.ranks = ranks}).messages);
  return std::holds_alternative<GatherOptions>(options.kind) ? 1 : 2;
}

TEST(ExchangeCost, HasTheLatenciesOfTheCriticalPath) {
  const Layout layout{{"only", 0, 1000, 1}};
  for (const int ranks : {1, 2, 3, 4, 5, 8})
    for (const auto& [name, options] : simple_exchanges(ranks)) {
      const auto links = uniform_links(ranks, {.latency_seconds = kAge});
      const ExchangeCost cost(options, layout, links, floats(0, 0, 1000));
      EXPECT_NEAR(cost.step_seconds(links, at_once()) / kAge, latencies_of(options, ranks), 1e-3)
          << name << " on " << ranks;
    }
}

/// Frames of one length: what is rehearsed on one gradient is what is sent on others.
void expect_what_the_exchanges_send(int ranks, bool shared_memory) {
  const Layout layout{{"first", 0, 30, 20}, {"second", 600, 400, 1}};
  LinkModel links = uniform_links(ranks, {});
  links.hosts.assign(static_cast<std::size_t>(ranks), 0);
  links.shared_memory = shared_memory;
  run_ranks(make_in_process_group(ranks, {.shared_memory = shared_memory}), [&](Transport& t) {
    for (const auto& [name, options] : all_exchanges(ranks)) {
      Ledger ledger;
      const auto counted = count_bytes(t, ledger);
      const auto exchange = make_exchange(options, *counted, layout);
      run_step(*exchange, floats(t.rank(), 9, 1000), step_of(9));
      double sent = 0;
      for (const std::uint64_t theirs : from_every_rank(t, ledger.sent.total()))
        sent += static_cast<double>(theirs);
      if (t.rank() != 0) continue;
      // Steps that are not alike; lists whose lengths depend on what ranks agree on.
      if (name == "linear power_sgd, one side" ||
          std::holds_alternative<SparseDoublingOptions>(options.kind))
        continue;
      const ExchangeCost cost(options, layout, links, floats(0, 0, 1000));
      EXPECT_NEAR(cost.bytes_sent(), sent / ranks, 1e-9 * sent)
          << name << " on " << ranks << (shared_memory ? ", shared memory" : "");
    }
  });
}

TEST(ExchangeCost, SendsWhatTheExchangeSends) {
  for (const int ranks : {1, 2, 3, 5, 8})
    for (const bool shared_memory : {false, true})
      expect_what_the_exchanges_send(ranks, shared_memory);
}

TEST(ExchangeCost, IsHiddenWhereBucketsAreFinalBeforeTheEnd) {
  const Layout layout{{"first", 0, 1000, 1}, {"second", 1000, 1000, 1}};
  const Computation computation{.seconds = 10 * kAge, .announced = {{{1000, 1000}, 3 * kAge}}};
  for (const auto& [name, given] : simple_exchanges(4)) {
    ExchangeOptions options = given;
    options.bucket_bytes = 4000;
    const auto links = uniform_links(4, {.latency_seconds = kAge});
    const auto seconds = [&](bool overlap) {
      options.overlap = overlap;
      return ExchangeCost(options, layout, links, floats(0, 0, 2000))
                 .step_seconds(links, computation) /
             kAge;
    };
    const double each = latencies_of(options, 4);
    // Sums go one at a time; of other kinds both buckets are on their way together.
    const bool alone = std::holds_alternative<DenseOptions>(options.kind);
    EXPECT_NEAR(seconds(false), 10 + (alone ? 2 * each : each), 1e-3) << name;
    EXPECT_NEAR(seconds(true), 10 + each, 1e-3) << name;
  }
}

TEST(ExchangeCost, WhatIsHiddenIsNotFreeWhereProcessorsAreShared) {
  const Layout layout{{"first", 0, 1000, 1}, {"second", 1000, 1000, 1}};
  Computation computation{.seconds = 10 * kAge, .announced = {{{1000, 1000}, 3 * kAge}}};
  for (const auto& [name, given] : simple_exchanges(4)) {
    ExchangeOptions options = given;
    options.bucket_bytes = 4000;
    LinkModel links = uniform_links(4, {});
    links.message_seconds = kAge / 100;
    const ExchangeCost cost(options, layout, links, floats(0, 0, 2000));
    computation.contention = 0;
    const double free = cost.step_seconds(links, computation);
    computation.contention = 1;
    EXPECT_GT(cost.step_seconds(links, computation), free + kAge / 100) << name;
  }
}

TEST(ExchangeCost, OfManyRanksIsThatOfThePartThatIsRehearsed) {
  const Layout layout{{"only", 0, 1 << 20, 1}};
  const ExchangeOptions options{.compressor = top_k(0.01)};
  for (const ExchangeKind& kind : {ExchangeKind{GatherOptions{}}, ExchangeKind{OwnerOptions{}}}) {
    ExchangeOptions with = options;
    with.kind = kind, with.bucket_bytes = std::size_t{4} << 20;
    const int ranks = 64;
    const double frames = std::holds_alternative<GatherOptions>(kind) ? 63 : 2 * 63.0 / 64;
    const ExchangeCost cost(with, layout, uniform_links(ranks, {}), floats(0, 0, 1 << 20));
    const double bytes = frames * 0.01 * (1 << 20) * 8;  // and frames have something around them
    EXPECT_NEAR(cost.bytes_sent(), bytes, 0.03 * bytes);
  }
}

TEST(ExchangeCost, OfAMatrixIsNotThatOfAVectorWhereAPartIsRehearsed) {
  const int ranks = 16;
  const Layout layout{{"matrix", 0, 1000, 3000}};
  const ExchangeOptions options{.kind = LinearOptions{PowerSgdOptions{}},
                                .bucket_bytes = std::size_t{4} * 3000 * 1000};
  const ExchangeCost cost(options, layout, uniform_links(ranks, {}), floats(0, 0, 3000 * 1000));
  const double factors = 2 * (1000 + 3000);  // of rank 2
  EXPECT_NEAR(cost.bytes_sent(), 2 * 15.0 / 16 * 4 * factors, 0.05 * cost.bytes_sent());
}

}  // namespace
}  // namespace laconic::test
