// Methods over ranks that are threads, on problems whose solution is known.
#include <gtest/gtest.h>

#include <functional>

#include "base/hash.h"
#include "collectives/transports/in_process.h"
#include "methods/sync_sgd.h"
#include "problems/logistic.h"
#include "problems/quadratic.h"
#include "tests/collectives/ranks.h"
#include "tests/data/test_data.h"

namespace laconic {
namespace {

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

Outcome train(const Training& training) {
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

ExchangeOptions gathered(const CompressorOptions& compressor, bool feedback) {
  ExchangeOptions options;
  options.kind = GatherOptions{};
  options.compressor = compressor;
  options.feedback.on = feedback;
  return options;
}

// ------------------------------------------------------------------------------------- quadratic

/// Four ranks whose minima differ, full gradients, a constant step. What is measured is
/// |x - x*|² / |x0 - x*|².
Training on_quadratic(std::uint64_t steps, double rate) {
  const auto problem = [](int rank, int ranks) {
    return make_quadratic({.dimensions = 100, .condition = 10, .spread = 0.3}, 1, rank, ranks);
  };
  return {.problem = problem,
          .exchange = {},
          .method = {.batch = 0, .steps = steps, .schedule = {.rate = rate}, .rule = {}}};
}

double relative_distance(const Outcome& outcome) {
  return outcome.end.distance / outcome.start.distance;
}

TEST(Quadratic, DenseArrivesAtTheSolution) {
  const Outcome outcome = train(on_quadratic(200, 0.1));
  EXPECT_LT(relative_distance(outcome), 1e-12);
}

TEST(Quadratic, IdentityArrivesAtTheSolution) {
  Training training = on_quadratic(200, 0.1);
  training.exchange = gathered(IdentityOptions{}, false);
  EXPECT_LT(relative_distance(train(training)), 1e-12);
}

// With a constant step, error feedback on data that differ between ranks stops at a distance
// proportional to the step (its square here): the residuals never settle. Hence the small one.
TEST(Quadratic, TopKArrivesWithErrorFeedback) {
  Training training = on_quadratic(24000, 5e-4);
  training.exchange = gathered(TopKOptions{.density = 0.1}, true);
  EXPECT_LT(relative_distance(train(training)), 1e-6);
}

TEST(Quadratic, TopKStopsShortWithoutErrorFeedback) {
  Training training = on_quadratic(24000, 5e-4);
  training.exchange = gathered(TopKOptions{.density = 0.1}, false);
  EXPECT_GT(relative_distance(train(training)), 1e-2);
}

// Coordinates that all ranks share make the average of what is sent a part of the average: ranks
// that differ then do no harm.
TEST(Quadratic, RandKArrivesWithErrorFeedback) {
  Training training = on_quadratic(24000, 5e-4);
  training.exchange = gathered(RandKOptions{.density = 0.1, .unbiased = false}, true);
  EXPECT_LT(relative_distance(train(training)), 1e-10);
}

// -------------------------------------------------------------------------------------- logistic

/// f over the examples that 4 ranks hold (a remainder is left out), minimised by Newton's method in
/// double (numpy, the data rounded to float as we hold them) and by scikit-learn's
/// LogisticRegression(C = 1 / (l2 n), fit_intercept=False): the same to 12 digits. l2 = 0.01.
struct Known {
  const char* file;
  double minimum;
};
constexpr Known kA9a{"a9a", 0.37272325262516803};          // the first 32,560 examples
constexpr Known kPhishing{"phishing", 0.533439864536324};  // the first 11,052

Training on_logistic(const Known& known, const SyncSgdOptions& method) {
  const LogisticOptions options{
      .path = test_data(known.file), .l2 = 1e-2, .partition = Partition::contiguous};
  const LogisticData data = load_logistic(options);
  const auto problem = [options, data](int rank, int ranks) {
    return make_logistic(options, data, 1, rank, ranks);
  };
  return {.problem = problem, .exchange = {}, .method = method};
}

double relative_gap(const Outcome& outcome, const Known& known) {
  return (outcome.loss - known.minimum) / known.minimum;
}

SyncSgdOptions full_batches(std::uint64_t steps, double rate, float momentum) {
  return {.batch = 0,
          .steps = steps,
          .schedule = {.rate = rate},
          .rule = SgdOptions{.momentum = momentum, .nesterov = momentum > 0}};
}

TEST(Logistic, DenseArrivesAtTheMinimumOfA9a) {
  const Outcome outcome = train(on_logistic(kA9a, full_batches(150, 0.6, 0.85f)));
  EXPECT_LT(relative_gap(outcome, kA9a), 1e-6);
  EXPECT_GT(relative_gap(outcome, kA9a), -1e-9);
}

TEST(Logistic, DenseArrivesAtTheMinimumOfPhishing) {
  const Outcome outcome = train(on_logistic(kPhishing, full_batches(100, 5, 0.6f)));
  EXPECT_LT(relative_gap(outcome, kPhishing), 1e-6);
  EXPECT_GT(relative_gap(outcome, kPhishing), -1e-9);
}

/// A rate that falls takes the floor of error feedback along.
Training compressed_on_logistic(const Known& known, std::uint64_t steps, double rate) {
  Training training = on_logistic(known, full_batches(steps, rate, 0));
  training.method.schedule.shape = CosineSchedule{.floor = 0.05};
  training.exchange = gathered(TopKOptions{.density = 0.1}, true);
  return training;
}

TEST(Logistic, TopKArrivesAtTheMinimumOfA9a) {
  const Outcome outcome = train(compressed_on_logistic(kA9a, 1200, 0.7));
  EXPECT_LT(relative_gap(outcome, kA9a), 1e-6);
  EXPECT_GT(relative_gap(outcome, kA9a), -1e-9);
}

TEST(Logistic, TopKArrivesAtTheMinimumOfPhishing) {
  const Outcome outcome = train(compressed_on_logistic(kPhishing, 1200, 1));
  EXPECT_LT(relative_gap(outcome, kPhishing), 1e-6);
  EXPECT_GT(relative_gap(outcome, kPhishing), -1e-9);
}

}  // namespace
}  // namespace laconic
