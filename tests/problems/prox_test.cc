#include "problems/prox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/errors.h"
#include "tests/problems/oracle_checks.h"

namespace laconic {
namespace {

using ::testing::ElementsAre;

std::vector<float> prox_of(const ProxOptions& options, std::vector<float> x, float step = 1) {
  apply_prox(options, step, x);
  return x;
}

TEST(Prox, KnownPoints) {
  EXPECT_THAT(prox_of(NoProx{}, {3, -4}), ElementsAre(3, -4));
  EXPECT_THAT(prox_of(BallProx{10}, {3, -4}), ElementsAre(3, -4));
  EXPECT_THAT(prox_of(BallProx{1}, {3, -4}), ElementsAre(0.6f, -0.8f));
  EXPECT_THAT(prox_of(BoxProx{-1, 2}, {3, -4, 0.5f}), ElementsAre(2, -1, 0.5f));
  EXPECT_THAT(prox_of(SimplexProx{}, {0.25f, 0.75f, 0}), ElementsAre(0.25f, 0.75f, 0));
  EXPECT_THAT(prox_of(SimplexProx{}, {5, 1, 4.5f}), ElementsAre(0.75f, 0, 0.25f));
  EXPECT_THAT(prox_of(SimplexProx{}, {-7, -7}), ElementsAre(0.5f, 0.5f));
  EXPECT_THAT(prox_of(SimplexProx{}, {-7}), ElementsAre(1));
  EXPECT_THAT(prox_of(L1Prox{2}, {3, -4, 0.5f, -0.5f}, 0.5f), ElementsAre(2, -3, 0, 0));
  EXPECT_THAT(prox_of(SimplexProx{}, {}), ElementsAre());
}

TEST(Prox, SimplexPointsSumToOne) {
  for (const std::size_t count : {1, 2, 10, 1000, 100000}) {
    for (const double size : {0.001, 1.0, 1000.0}) {
      const auto x = prox_of(SimplexProx{}, random_point(count, count, size));
      EXPECT_NEAR(std::accumulate(x.begin(), x.end(), 0.0), 1, 1e-5);
      EXPECT_GE(*std::ranges::min_element(x), 0);
    }
  }
}

/// Points of each set, by means that have nothing to do with prox.
std::vector<float> member(const ProxOptions& options, std::uint64_t stream) {
  struct Draw {
    std::vector<float> x;
    std::vector<float> operator()(const NoProx&) { return x; }
    std::vector<float> operator()(const L1Prox&) { return x; }
    std::vector<float> operator()(const BallProx& ball) {
      const double norm = std::sqrt(std::inner_product(x.begin(), x.end(), x.begin(), 0.0));
      for (float& value : x) value *= static_cast<float>(0.999 * ball.radius / norm);
      return x;
    }
    std::vector<float> operator()(const BoxProx& box) {
      for (float& value : x)
        value = static_cast<float>(box.low + (box.high - box.low) * std::abs(std::sin(value)));
      return x;
    }
    std::vector<float> operator()(const SimplexProx&) {
      for (float& value : x) value = -std::log(std::abs(std::sin(value)));
      const float sum = std::accumulate(x.begin(), x.end(), 0.0f);
      for (float& value : x) value /= sum;
      return x;
    }
  };
  return std::visit(Draw{random_point(50, stream, 1)}, options);
}

double penalty(const ProxOptions& options, Floats x) {
  double sum = 0;
  if (const auto* l1 = std::get_if<L1Prox>(&options))
    for (const float value : x) sum += l1->weight * std::abs(value);
  return sum;
}

TEST(Prox, NoOtherPointIsBetter) {
  for (const ProxOptions& options :
       std::vector<ProxOptions>{BallProx{2}, BoxProx{-0.5, 1}, SimplexProx{}, L1Prox{0.7}}) {
    for (std::uint64_t trial = 0; trial < 20; ++trial) {
      const auto x = random_point(50, 1000 + trial, 2);
      const float step = 0.5f;
      const auto p = prox_of(options, x, step);
      const auto value = [&](Floats y) {
        double squares = 0;
        for (std::size_t i = 0; i < x.size(); ++i)
          squares += (double{y[i]} - x[i]) * (double{y[i]} - x[i]);
        return penalty(options, y) + squares / (2 * step);
      };
      for (std::uint64_t other = 0; other < 20; ++other) {
        const auto member_point = member(options, other);
        for (const float t : {1e-3f, 0.1f, 1.0f}) {  // sets are convex: stay inside
          auto y = p;
          for (std::size_t i = 0; i < y.size(); ++i) y[i] += t * (member_point[i] - p[i]);
          EXPECT_GE(value(y), value(p) * (1 - 1e-6)) << options.index();
        }
      }
    }
  }
}

TEST(Prox, RefusesOptionsOutOfRange) {
  EXPECT_THROW(check_prox(BallProx{0}), ConfigError);
  EXPECT_THROW(check_prox(BoxProx{1, 0}), ConfigError);
  EXPECT_THROW(check_prox(BoxProx{-HUGE_VAL, 0}), ConfigError);
  EXPECT_THROW(check_prox(L1Prox{-1}), ConfigError);
  EXPECT_NO_THROW(check_prox(SimplexProx{}));
}

}  // namespace
}  // namespace laconic
