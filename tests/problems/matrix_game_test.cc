#include "problems/matrix_game.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "base/errors.h"
#include "tests/problems/operator_checks.h"

namespace laconic {
namespace {

Oracles make_ranks(const MatrixGameOptions& options, std::uint64_t seed, int ranks) {
  Oracles oracles;
  for (int r = 0; r < ranks; ++r) oracles.push_back(make_matrix_game(options, seed, r, ranks));
  return oracles;
}

/// Element (i, j) of a rank's A: the loss where both play one house for sure.
double element(Oracle& oracle, std::size_t count, std::size_t i, std::size_t j) {
  std::vector<float> z(2 * count), ignored(2 * count);
  z[i] = z[count + j] = 1;
  return oracle.evaluate(z, {}, ignored, {});
}

std::vector<float> strategies(std::size_t count, std::uint64_t stream) {
  auto z = random_point(2 * count, stream, 1);
  for (float& value : z) value = std::abs(value);
  for (std::size_t half = 0; half < 2; ++half) {
    const MutFloats side = MutFloats(z).subspan(half * count, count);
    const float sum = std::accumulate(side.begin(), side.end(), 0.0f);
    for (float& value : side) value /= sum;
  }
  return z;
}

TEST(MatrixGame, TheMatrixIsTheOneOfTheStory) {
  constexpr std::size_t kCount = 9;
  const auto oracles = make_ranks({.houses = kCount, .reach = 3}, 2, 2);
  for (const auto& oracle : oracles)
    for (std::size_t j = 0; j < kCount; ++j) {
      const std::size_t other = j == 0 ? 1 : 0;
      const double distance = std::abs(static_cast<double>(j) - static_cast<double>(other));
      const double wealth = element(*oracle, kCount, other, j) / (1 - std::exp(-distance / 3));
      EXPECT_GT(wealth, 0);
      for (std::size_t i = 0; i < kCount; ++i) {
        const double apart = std::abs(static_cast<double>(i) - static_cast<double>(j));
        EXPECT_NEAR(element(*oracle, kCount, i, j), wealth * (1 - std::exp(-apart / 3)), 1e-12);
      }
    }
  EXPECT_NE(element(*oracles[0], kCount, 0, 5), element(*oracles[1], kCount, 0, 5));
}

TEST(MatrixGame, TheOperatorBelongsToTheLoss) {
  for (const std::uint64_t houses : {1, 2, 40}) {
    const auto oracles = make_ranks({.houses = houses}, 2, 2);
    if (houses > 1) expect_operator_of_loss(*oracles[1], {}, 1e-4);
    std::vector<Pair> pairs;
    for (std::uint64_t i = 0; i < 10; ++i)
      pairs.push_back({strategies(houses, 2 * i), strategies(houses, 2 * i + 1)});
    expect_constants_hold(oracles, pairs);
  }
}

TEST(MatrixGame, TheGapIsWhatTheBestAnswersWin) {
  constexpr std::size_t kCount = 12;
  const auto oracles = make_ranks({.houses = kCount}, 4, 3);
  const auto z = strategies(kCount, 1);
  std::vector<double> paid(kCount), won(kCount);  // by each pure strategy, in the mean game
  for (const auto& oracle : oracles)
    for (std::size_t i = 0; i < kCount; ++i)
      for (std::size_t j = 0; j < kCount; ++j) {
        const double a = element(*oracle, kCount, i, j) / 3;
        paid[i] += a * z[kCount + j];
        won[j] += a * z[i];
      }
  const Scores scores = oracles[0]->score(z, {});
  EXPECT_NEAR(scores.gap, *std::ranges::max_element(won) - *std::ranges::min_element(paid), 1e-9);
  EXPECT_GT(scores.gap, 0);
  EXPECT_TRUE(std::isnan(scores.distance));
}

TEST(MatrixGame, ExtragradientFindsTheEquilibrium) {
  const auto oracles = make_ranks({.houses = 12}, 4, 3);
  EXPECT_TRUE(oracles[0]->has_prox());
  const double rate = 1 / (1.5 * oracles[0]->constants().smoothness);
  std::vector<float> start(24);
  oracles[0]->initialize({}, start);
  const auto end = extragradient(oracles, rate, 60000);
  const Scores scores = oracles[0]->score(end, {});
  EXPECT_LT(scores.gap, 1e-4 * oracles[0]->score(start, {}).gap);
  EXPECT_GT(scores.gap, -1e-6);
  EXPECT_NEAR(std::accumulate(end.begin(), end.begin() + 12, 0.0), 1, 1e-6);
  EXPECT_NEAR(std::accumulate(end.begin() + 12, end.end(), 0.0), 1, 1e-6);
}

TEST(MatrixGame, RefusesOptionsOutOfRange) {
  EXPECT_THROW(make_matrix_game({.houses = 0}, 1, 0, 1), ConfigError);
  EXPECT_THROW(make_matrix_game({.reach = 0}, 1, 0, 1), ConfigError);
  EXPECT_THROW(make_matrix_game({.spread = -1}, 1, 0, 1), ConfigError);
}

}  // namespace
}  // namespace laconic
