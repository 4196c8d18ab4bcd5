#include "problems/bilinear.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/errors.h"
#include "tests/problems/operator_checks.h"

namespace laconic {
namespace {

Oracles make_ranks(const BilinearOptions& options, std::uint64_t seed, int ranks) {
  const auto instance = make_bilinear_instance(options, seed, ranks);
  Oracles oracles;
  for (int rank = 0; rank < ranks; ++rank) oracles.push_back(make_bilinear(instance, rank));
  return oracles;
}

/// Every shape of the problem there is.
const std::vector<BilinearOptions> kShapes{{.dimensions = 1},
                                           {.dimensions = 23, .condition = 5},
                                           {.dimensions = 50},
                                           {.dimensions = 50, .condition = 100, .spread = 2},
                                           {.dimensions = 200, .diagonal = true},
                                           {.dimensions = 40, .scale_range = 10},
                                           {.dimensions = 40, .pieces = 8, .noise = 0.5}};

void for_every_shape(const std::function<void(const BilinearOptions&)>& body) {
  for (std::size_t i = 0; i < kShapes.size(); ++i) {
    SCOPED_TRACE("shape " + std::to_string(i));
    body(kShapes[i]);
  }
}

TEST(Bilinear, TheOperatorBelongsToTheLoss) {
  for_every_shape([](const BilinearOptions& options) {
    const auto oracles = make_ranks(options, 3, 2);
    expect_operator_of_loss(*oracles[1], {}, 1e-4);
    if (options.pieces > 0) expect_operator_of_loss(*oracles[0], {.draw = 4, .size = 3}, 1e-4);
  });
}

TEST(Bilinear, TheConstantsHold) {
  for_every_shape([](const BilinearOptions& options) {
    const auto oracles = make_ranks(options, 3, 4);
    std::vector<Pair> pairs;
    for (std::uint64_t i = 0; i < 10; ++i)
      pairs.push_back({random_point(2 * options.dimensions, 2 * i, 1),
                       random_point(2 * options.dimensions, 2 * i + 1, 1)});
    expect_constants_hold(oracles, pairs);
    const Constants constants = oracles[0]->constants();
    const double condition = constants.smoothness / constants.strong_convexity;
    EXPECT_GE(condition, options.condition);
    EXPECT_LE(condition, 1.02 * options.condition);
    EXPECT_GE(constants.largest_smoothness, constants.smoothness * 0.99);
  });
}

TEST(Bilinear, ExtragradientArrivesAtTheSolution) {
  for_every_shape([](const BilinearOptions& options) {
    const auto oracles = make_ranks(options, 3, 3);
    const Constants constants = oracles[0]->constants();
    const double rate = 1 / (1.5 * constants.smoothness);
    const auto start = random_point(2 * options.dimensions, 1, 0);
    const auto end = extragradient(oracles, rate, static_cast<int>(30 * options.condition));
    const Scores before = oracles[0]->score(start, {}), after = oracles[0]->score(end, {});
    EXPECT_LT(after.distance, 1e-10 * before.distance);
    EXPECT_LT(after.gap, 1e-8 * before.gap);
    EXPECT_GE(after.gap, 0);
    EXPECT_EQ(oracles[2]->score(end, {1, 2}).gap, after.gap);
  });
}

TEST(Bilinear, ScoresAreThoseOfTheMean) {
  for_every_shape([](const BilinearOptions& options) {
    const std::size_t count = options.dimensions;
    const auto oracles = make_ranks(options, 5, 3);
    const double lambda = oracles[0]->constants().strong_convexity;
    const auto z = random_point(2 * count, 9, 1);
    double loss = 0;
    std::vector<float> ignored(2 * count);
    for (const auto& oracle : oracles) loss += oracle->evaluate(z, {}, ignored, {}) / 3;
    // max over y' of f(x, y') is f + |df/dy|² / 2l, since f is l-strongly concave and quadratic in
    // y' with no other curvature; the same downwards in x.
    const auto f = mean_operator(oracles, z);
    double squares = 0;
    for (const double value : f) squares += value * value;
    const Scores scores = oracles[0]->score(z, {});
    EXPECT_NEAR(scores.loss, loss, 1e-5 * (std::abs(loss) + scores.gap));
    EXPECT_NEAR(scores.gap, squares / (2 * lambda), 1e-4 * scores.gap);
  });
}

TEST(Bilinear, OraclesOfAnInstanceAreAlikeWhoeverMakesThem) {
  const BilinearOptions options{.dimensions = 40};
  const auto z = random_point(80, 9, 1);
  const auto instance = make_bilinear_instance(options, 3, 4);
  std::vector<std::vector<float>> first(4);
  std::vector<std::thread> threads;
  for (int rank = 3; rank >= 0; --rank)
    threads.emplace_back([&, rank] {
      first[static_cast<std::size_t>(rank)] = gradient_at(*make_bilinear(instance, rank), z, {});
    });
  for (std::thread& thread : threads) thread.join();
  const auto again = make_ranks(options, 3, 4);
  for (std::size_t rank = 0; rank < 4; ++rank) {
    EXPECT_EQ(gradient_at(*make_bilinear(instance, static_cast<int>(rank)), z, {}), first[rank]);
    EXPECT_EQ(gradient_at(*again[rank], z, {}), first[rank]);
  }
}

TEST(Bilinear, SpreadMakesRanksDiffer) {
  const auto z = random_point(60, 9, 1);
  // Linear terms are each rank's own: compare differences of operators, which have none.
  const auto difference = [&](Oracle& oracle) {
    auto at_z = gradient_at(oracle, z, {});
    const auto at_zero = gradient_at(oracle, std::vector<float>(60), {});
    for (std::size_t i = 0; i < 60; ++i) at_z[i] -= at_zero[i];
    return at_z;
  };
  const auto same = make_ranks({.dimensions = 30, .spread = 0}, 1, 2);
  const auto other = make_ranks({.dimensions = 30, .spread = 0.5}, 1, 2);
  const auto a = difference(*same[0]), b = difference(*same[1]);
  for (std::size_t i = 0; i < 60; ++i) EXPECT_NEAR(a[i], b[i], 1e-4);
  EXPECT_NE(difference(*other[0]), difference(*other[1]));
}

TEST(Bilinear, PiecesMeanTheWhole) {
  const auto oracles = make_ranks({.dimensions = 30, .pieces = 6, .noise = 2}, 1, 2);
  const auto z = random_point(60, 9, 1);
  EXPECT_EQ(oracles[0]->examples(), 6u);
  const auto whole = gradient_at(*oracles[0], z, {});
  std::vector<double> mean(60);
  double differ = 0;
  for (std::uint64_t draw = 0; draw < 3; ++draw) {  // the first epoch, in pairs
    const auto part = gradient_at(*oracles[0], z, {.draw = draw, .size = 2});
    for (std::size_t i = 0; i < 60; ++i) {
      mean[i] += part[i] / 3.0;
      differ = std::max(differ, std::abs(double{part[i]} - whole[i]));
    }
  }
  EXPECT_GT(differ, 0.5);
  for (std::size_t i = 0; i < 60; ++i) EXPECT_NEAR(mean[i], whole[i], 1e-5);
  EXPECT_EQ(gradient_at(*oracles[0], z, {.draw = 1, .size = 6}), whole);
}

TEST(Bilinear, StartsWhereItIsTold) {
  const auto start_of = [](double start, int rank) {
    const auto oracles = make_ranks({.dimensions = 500, .start = start}, 1, 2);
    std::vector<float> z(1000, 7);
    oracles[static_cast<std::size_t>(rank)]->initialize({1, 2}, z);
    return z;
  };
  EXPECT_EQ(start_of(0, 0), std::vector<float>(1000));
  const auto z = start_of(3, 0);
  EXPECT_EQ(start_of(3, 1), z);
  double square = 0;
  for (const float value : z) square += double{value} * value / 1000;
  EXPECT_NEAR(square, 9, 1);
}

TEST(Bilinear, RefusesOptionsOutOfRange) {
  EXPECT_THROW(make_bilinear_instance({.dimensions = 0}, 1, 1), ConfigError);
  EXPECT_THROW(make_bilinear_instance({.condition = 1}, 1, 1), ConfigError);
  EXPECT_THROW(make_bilinear_instance({.spread = -1}, 1, 1), ConfigError);
  EXPECT_THROW(make_bilinear_instance({.scale_range = 0.5}, 1, 1), ConfigError);
  EXPECT_THROW(make_bilinear_instance({.noise = -1}, 1, 1), ConfigError);
  EXPECT_THROW(make_bilinear_instance({.start = -1}, 1, 1), ConfigError);
}

}  // namespace
}  // namespace laconic
