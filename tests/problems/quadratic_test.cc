#include "problems/quadratic.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/errors.h"
#include "tests/problems/oracle_checks.h"

namespace laconic {
namespace {

constexpr Sample kAll{};

TEST(Quadratic, GradientAndHessianBelongToTheLoss) {
  const auto oracle = make_quadratic({.dimensions = 50, .condition = 100, .spread = 2}, 1, 1, 3);
  expect_gradient_of_loss(*oracle, kAll, 1, 1e-5);
  expect_hessian_of_gradient(*oracle, kAll, 1, 1e-5);
}

TEST(Quadratic, RanksDifferBySpreadAndShareTheSolution) {
  constexpr std::size_t kCount = 400;
  constexpr int kRanks = 4;
  const auto x = random_point(kCount, 1, 1);
  for (const double spread : {0.0, 2.0}) {
    std::vector<double> mean(kCount);
    double difference = 0, loss = 0;
    std::vector<float> first;
    std::vector<std::unique_ptr<Oracle>> oracles;
    for (int r = 0; r < kRanks; ++r) {
      auto oracle = make_quadratic({kCount, 10, spread}, 5, r, kRanks);
      std::vector<float> gradient(kCount);
      loss += oracle->evaluate(x, kAll, gradient, {}) / kRanks;
      if (r == 0) first = gradient;
      for (std::size_t i = 0; i < kCount; ++i) {
        mean[i] += double{gradient[i]} / kRanks;
        difference = std::max(difference, std::abs(double{gradient[i]} - first[i]));
      }
      oracles.push_back(std::move(oracle));
    }
    EXPECT_EQ(difference > 0, spread > 0);

    // The gradient of the mean is D (x - x*): with |x - x*|² and the gap it must fit the scores.
    double distance = 0, gap = 0;
    for (std::size_t i = 0; i < kCount; ++i) {
      const double curvature = std::pow(10.0, static_cast<double>(i) / (kCount - 1));
      distance += mean[i] * mean[i] / (curvature * curvature);
      gap += 0.5 * mean[i] * mean[i] / curvature;
    }
    for (const auto& oracle : oracles) {
      const Scores scores = oracle->score(x, {2, 3});
      EXPECT_NEAR(scores.distance, distance, 1e-6 * distance);
      EXPECT_NEAR(scores.gap, gap, 1e-6 * gap);
      EXPECT_NEAR(scores.loss, loss, 1e-6 * loss);
      EXPECT_EQ(scores.examples, 1u);
      EXPECT_TRUE(std::isnan(scores.accuracy));
    }
  }
}

TEST(Quadratic, ConstantsAreTheEndsOfTheSpectrum) {
  const Constants constants =
      make_quadratic({.dimensions = 10, .condition = 30}, 1, 0, 2)->constants();
  EXPECT_DOUBLE_EQ(constants.smoothness, 30);
  EXPECT_DOUBLE_EQ(constants.largest_smoothness, 30);
  EXPECT_DOUBLE_EQ(constants.strong_convexity, 1);
  EXPECT_EQ(make_quadratic({.dimensions = 1, .condition = 30}, 1, 0, 2)->constants().smoothness, 1);
}

TEST(Quadratic, GradientDescentArrives) {
  const auto oracle = make_quadratic({.dimensions = 100, .condition = 10}, 2, 0, 1);
  std::vector<float> x(100), gradient(100);
  oracle->initialize({}, x);
  const double start = oracle->score(x, {}).distance;
  for (int step = 0; step < 200; ++step) {
    oracle->evaluate(x, kAll, gradient, {});
    for (std::size_t i = 0; i < x.size(); ++i) x[i] -= 0.1f * gradient[i];
  }
  EXPECT_LT(oracle->score(x, {}).distance, 1e-12 * start);
}

TEST(Quadratic, ProximalGradientArrivesAtTheKnownMinimum) {
  for (const ProxOptions& prox : std::vector<ProxOptions>{
           NoProx{}, BallProx{100}, BallProx{3}, BoxProx{-0.5, 0.2}, SimplexProx{}, L1Prox{2}}) {
    SCOPED_TRACE(prox.index());
    const QuadraticOptions options{.dimensions = 60, .condition = 10, .spread = 0, .prox = prox};
    const auto oracle = make_quadratic(options, 2, 0, 1);
    EXPECT_EQ(oracle->has_prox(), prox.index() != 0);
    std::vector<float> x(60, 0.1f), gradient(60);
    oracle->prox(0.1f, x);
    const Scores start = oracle->score(x, {});
    for (int step = 0; step < 300; ++step) {
      oracle->evaluate(x, kAll, gradient, {});
      for (std::size_t i = 0; i < x.size(); ++i) x[i] -= 0.1f * gradient[i];
      oracle->prox(0.1f, x);
    }
    const Scores end = oracle->score(x, {});
    EXPECT_LT(end.distance, 1e-11 * start.distance);
    EXPECT_NEAR(end.gap, 0, 1e-6 * start.gap);
    EXPECT_NEAR(start.loss - start.gap, end.loss - end.gap, 1e-9 * start.loss);
    EXPECT_GT(start.gap, 0);
  }
}

TEST(Quadratic, RefusesOptionsOutOfRange) {
  EXPECT_THROW(make_quadratic({.dimensions = 0}, 1, 0, 1), ConfigError);
  EXPECT_THROW(make_quadratic({.condition = 0.5}, 1, 0, 1), ConfigError);
  EXPECT_THROW(make_quadratic({.spread = -1}, 1, 0, 1), ConfigError);
}

}  // namespace
}  // namespace laconic
