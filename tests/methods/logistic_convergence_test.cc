#include "problems/logistic.h"
#include "tests/data/test_data.h"
#include "tests/methods/training.h"

namespace laconic {
namespace {

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
