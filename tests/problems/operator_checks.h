#pragma once

#include <cmath>
#include <memory>
#include <vector>

#include "tests/problems/oracle_checks.h"

/// What must hold for the operator of a saddle point problem, z = (x, y): F = (df/dx, -df/dy).
namespace laconic {

using Oracles = std::vector<std::unique_ptr<Oracle>>;

inline std::vector<double> mean_operator(const Oracles& oracles, Floats z,
                                         const Sample& sample = {}) {
  std::vector<double> mean(z.size());
  std::vector<float> own(z.size());
  for (const auto& oracle : oracles) {
    oracle->evaluate(z, sample, own, {});
    for (std::size_t i = 0; i < z.size(); ++i)
      mean[i] += double{own[i]} / static_cast<double>(oracles.size());
  }
  return mean;
}

/// The loss along a move of x alone rises by the integral of F, along one of y falls by it: by
/// Simpson's rule, as in oracle_checks.h.
inline void expect_operator_of_loss(Oracle& oracle, const Sample& sample, double tolerance) {
  const Slice blocks[] = {slice_of(oracle.layout()[0]), slice_of(oracle.layout()[1])};
  const std::size_t count = flat_size(oracle.layout());
  std::vector<float> ignored(count);
  for (int block = 0; block < 2; ++block) {
    const auto a = random_point(count, 200, 0.3);
    const auto move = random_point(count, 201, 0.3);
    auto b = a;
    for (std::size_t i = blocks[block].begin; i < blocks[block].end(); ++i) b[i] += move[i];
    const auto middle = midpoint(a, b);
    const double rise =
        oracle.evaluate(b, sample, ignored, {}) - oracle.evaluate(a, sample, ignored, {});
    const double integral = (product(gradient_at(oracle, a, sample), a, b) +
                             4 * product(gradient_at(oracle, middle, sample), a, b) +
                             product(gradient_at(oracle, b, sample), a, b)) /
                            6;
    EXPECT_NEAR(block == 0 ? integral : -integral, rise, tolerance * std::abs(rise));
  }
}

struct Pair {
  std::vector<float> a, b;
};

/// <F(a) - F(b), a - b> >= mu |a - b|² and |F(a) - F(b)| <= L |a - b| for the mean, L~ for each.
inline void expect_constants_hold(const Oracles& oracles, const std::vector<Pair>& pairs) {
  const Constants constants = oracles[0]->constants();
  const auto check = [&](const std::vector<double>& at_a, const std::vector<double>& at_b,
                         const Pair& pair, double smoothness) {
    double inner = 0, moved = 0, squares = 0;
    for (std::size_t i = 0; i < at_a.size(); ++i) {
      const double f = at_a[i] - at_b[i], z = double{pair.a[i]} - pair.b[i];
      inner += f * z;
      moved += f * f;
      squares += z * z;
    }
    EXPECT_GE(inner, constants.strong_convexity * squares - 1e-5 * std::sqrt(moved * squares));
    EXPECT_LE(std::sqrt(moved), smoothness * std::sqrt(squares) * (1 + 1e-5));
  };
  for (const Pair& pair : pairs) {
    check(mean_operator(oracles, pair.a), mean_operator(oracles, pair.b), pair,
          constants.smoothness);
    for (const auto& oracle : oracles) {
      const auto at_a = gradient_at(*oracle, pair.a, {}), at_b = gradient_at(*oracle, pair.b, {});
      check({at_a.begin(), at_a.end()}, {at_b.begin(), at_b.end()}, pair,
            constants.largest_smoothness);
    }
  }
}

/// Extragradient (Korpelevich 1976) with the problem's prox, on all ranks at once.
inline std::vector<float> extragradient(const Oracles& oracles, double rate, int steps) {
  std::vector<float> z(flat_size(oracles[0]->layout())), half(z.size());
  oracles[0]->initialize({}, z);
  const auto step = [&](Floats at, MutFloats out) {
    const auto f = mean_operator(oracles, at);
    for (std::size_t i = 0; i < z.size(); ++i) out[i] = static_cast<float>(z[i] - rate * f[i]);
    oracles[0]->prox(static_cast<float>(rate), out);
  };
  for (int i = 0; i < steps; ++i) {
    step(z, half);
    step(half, z);
  }
  return z;
}

}  // namespace laconic
