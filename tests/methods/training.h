#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <vector>

#include "base/hash.h"
#include "collectives/transports/in_process.h"
#include "methods/sync_sgd.h"
#include "tests/collectives/ranks.h"

/// A whole run of a method over ranks that are threads, for tests of where it ends.
namespace laconic {

struct Training {
  int ranks = 4;
  std::function<std::unique_ptr<Oracle>(int rank, int ranks)> problem;
  ExchangeOptions exchange;
  SyncSgdOptions method;  ///< Runs for method.steps.
};

struct Outcome {
  double loss = 0;  ///< f at the end: the mean over ranks of f_m, on all data.
  Scores start, end;
  std::vector<std::uint64_t> hashes;  ///< Of each rank's parameters.
};

inline Outcome train(const Training& training) {
  constexpr std::uint64_t kSeed = 1;
  Outcome outcome;
  outcome.hashes.resize(static_cast<std::size_t>(training.ranks));
  std::vector<double> losses(outcome.hashes.size());
  test::run_ranks(make_in_process_group(training.ranks), [&](Transport& transport) {
    const auto rank = static_cast<std::size_t>(transport.rank());
    const auto oracle = training.problem(transport.rank(), transport.size());
    std::vector<float> x(flat_size(oracle->layout())), gradient(x.size());
    oracle->initialize(make_key(kSeed, kEveryRank, 0, RngPurpose::initialize), x);
    if (rank == 0) outcome.start = oracle->score(x, {});
    const auto exchange = make_exchange(training.exchange, transport, oracle->layout());
    const auto method = make_sync_sgd(training.method, *exchange, x);
    for (std::uint64_t i = 0; i < training.method.steps; ++i) {
      const RngKey key = make_key(kSeed, kEveryRank, i, RngPurpose::compress);
      method->step(*oracle, {.index = i, .key = key, .participants = {}});
    }
    outcome.hashes[rank] = hash_of(method->parameters());
    losses[rank] = oracle->evaluate(method->parameters(), {}, gradient, {});
    if (rank == 0) outcome.end = oracle->score(method->parameters(), {});
  });
  for (const double loss : losses) outcome.loss += loss / training.ranks;
  for (const std::uint64_t hash : outcome.hashes) EXPECT_EQ(hash, outcome.hashes[0]);
  return outcome;
}

inline ExchangeOptions gathered(const CompressorOptions& compressor, bool feedback) {
  return {.kind = GatherOptions{}, .compressor = compressor, .feedback = {.on = feedback}};
}

}  // namespace laconic
