#include "problems/robust_regression.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/errors.h"
#include "problems/prox.h"
#include "tests/data/test_data.h"
#include "tests/problems/operator_checks.h"

namespace laconic {
namespace {

Oracles make_ranks(const RobustRegressionOptions& options, int ranks) {
  const auto data = load_libsvm(small_test_data());
  Oracles oracles;
  for (int r = 0; r < ranks; ++r)
    oracles.push_back(make_robust_regression(options, data, 1, r, ranks));
  return oracles;
}

std::vector<float> feasible(const Oracle& oracle, std::uint64_t stream) {
  auto z = random_point(flat_size(oracle.layout()), stream, 0.1);
  oracle.prox(1, z);
  return z;
}

/// Of both kinds: balls that hold the solution and balls that cut it off.
const std::vector<RobustRegressionOptions> kSettings{
    {}, {.w_radius = 0.3, .r_radius = 0.05, .w_l2 = 0.01, .r_l2 = 0.2}};

TEST(RobustRegression, TheOperatorBelongsToTheLoss) {
  const auto oracles = make_ranks({}, 3);
  expect_operator_of_loss(*oracles[0], {}, 1e-4);
  expect_operator_of_loss(*oracles[2], {.draw = 3, .size = 20}, 1e-4);
}

TEST(RobustRegression, TheConstantsHoldOnTheBalls) {
  for (const auto& options : kSettings) {
    const auto oracles = make_ranks(options, 4);
    std::vector<Pair> pairs;
    for (std::uint64_t i = 0; i < 10; ++i)
      pairs.push_back({feasible(*oracles[0], 2 * i), feasible(*oracles[0], 2 * i + 1)});
    expect_constants_hold(oracles, pairs);
  }
}

TEST(RobustRegression, TheScoredLossIsTheMeanOfTheRanks) {
  const auto oracles = make_ranks({.partition = Partition::by_label}, 4);
  const auto z = feasible(*oracles[0], 1);
  std::vector<float> ignored(z.size());
  double loss = 0;
  for (const auto& oracle : oracles) loss += oracle->evaluate(z, {}, ignored, {}) / 4;
  EXPECT_NEAR(oracles[3]->score(z, {}).loss, loss, 1e-9);
}

/// f after a long walk of one block along F, with its prox; the other block stays.
double walk(Oracle& oracle, std::vector<float> z, int block) {
  const Slice moving = slice_of(oracle.layout()[static_cast<std::size_t>(block)]);
  const auto rate = static_cast<float>(1 / oracle.constants().smoothness);
  for (int step = 0; step < 3000; ++step) {
    const auto f = gradient_at(oracle, z, {});
    auto next = z;
    for (std::size_t i = moving.begin; i < moving.end(); ++i) next[i] -= rate * f[i];
    oracle.prox(rate, next);
    std::copy_n(next.begin() + static_cast<std::ptrdiff_t>(moving.begin), moving.count,
                z.begin() + static_cast<std::ptrdiff_t>(moving.begin));
  }
  return oracle.score(z, {}).loss;
}

TEST(RobustRegression, TheGapIsWhatBestAnswersWin) {
  for (const auto& options : kSettings) {
    const auto oracles = make_ranks(options, 1);
    const auto z = feasible(*oracles[0], 5);
    const double gap = oracles[0]->score(z, {}).gap;
    EXPECT_NEAR(gap, walk(*oracles[0], z, 1) - walk(*oracles[0], z, 0), 1e-3 * gap);
    EXPECT_GT(gap, 0);
  }
}

TEST(RobustRegression, ExtragradientClosesTheGap) {
  for (const auto& options : kSettings) {
    const auto oracles = make_ranks(options, 3);
    std::vector<float> start(flat_size(oracles[0]->layout()));
    const auto end = extragradient(oracles, 1 / (1.5 * oracles[0]->constants().smoothness), 2500);
    const double before = oracles[0]->score(start, {}).gap, after = oracles[0]->score(end, {}).gap;
    EXPECT_LT(after, 1e-6 * before);
    EXPECT_GT(after, -1e-6 * before);
  }
}

TEST(RobustRegression, RefusesWhatDoesNotFit) {
  const auto data = parse_libsvm("1 1:1\n2 2:1\n", "f");
  const auto make = [&](const RobustRegressionOptions& options, int ranks) {
    return make_robust_regression(options, data, 1, 0, ranks);
  };
  EXPECT_NO_THROW(make({}, 2));
  EXPECT_THROW(make({}, 3), DataError);
  EXPECT_THROW(make({.w_radius = 0}, 1), ConfigError);
  EXPECT_THROW(make({.r_radius = -1}, 1), ConfigError);
  EXPECT_THROW(make({.w_l2 = 0}, 1), ConfigError);
  EXPECT_THROW(make({.w_radius = 2, .r_l2 = 3.9}, 1), ConfigError);
  const auto wide = parse_libsvm("1 1:1\n2 5000:1\n", "f");
  EXPECT_THROW(make_robust_regression({}, wide, 1, 0, 1), DataError);
}

}  // namespace
}  // namespace laconic
