#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/rng.h"
#include "methods/oracle.h"

/// What must hold for any oracle that is the gradient of its loss.
namespace laconic {

inline std::vector<float> random_point(std::size_t count, std::uint64_t stream, double size) {
  const RngKey key = make_key(11, kEveryRank, stream, RngPurpose::test);
  std::vector<float> x(count);
  for (std::size_t i = 0; i < count; ++i) x[i] = static_cast<float>(size * normal(key, i));
  return x;
}

inline std::vector<float> gradient_at(Oracle& oracle, Floats x, const Sample& sample) {
  std::vector<float> gradient(x.size());
  oracle.evaluate(x, sample, gradient, {});
  return gradient;
}

inline double product(Floats g, Floats from, Floats to) {
  double sum = 0;
  for (std::size_t i = 0; i < g.size(); ++i)
    sum += double{g[i]} * (double{to[i]} - double{from[i]});
  return sum;
}

inline std::vector<float> midpoint(Floats a, Floats b) {
  std::vector<float> middle(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) middle[i] = (a[i] + b[i]) / 2;
  return middle;
}

/// f(b) - f(a) is the integral of the gradient along the way: Simpson's rule has it to the fifth
/// order of |b - a|, so that steps can be long and rounding does not matter.
inline void expect_gradient_of_loss(Oracle& oracle, const Sample& sample, double step,
                                    double tolerance) {
  const std::size_t count = flat_size(oracle.layout());
  std::vector<float> ignored(count);
  for (std::uint64_t trial = 0; trial < 5; ++trial) {
    const auto a = random_point(count, 2 * trial, 1);
    auto b = random_point(count, 2 * trial + 1, step);
    for (std::size_t i = 0; i < count; ++i) b[i] += a[i];
    const auto middle = midpoint(a, b);
    const double rise =
        oracle.evaluate(b, sample, ignored, {}) - oracle.evaluate(a, sample, ignored, {});
    const double integral = (product(gradient_at(oracle, a, sample), a, b) +
                             4 * product(gradient_at(oracle, middle, sample), a, b) +
                             product(gradient_at(oracle, b, sample), a, b)) /
                            6;
    EXPECT_NEAR(integral, rise, tolerance * std::abs(rise));
  }
}

/// The same for the Hessian: gradient(b) - gradient(a), coordinate by coordinate.
inline void expect_hessian_of_gradient(Oracle& oracle, const Sample& sample, double step,
                                       double tolerance) {
  const std::size_t count = flat_size(oracle.layout());
  const auto a = random_point(count, 100, 1);
  const auto v = random_point(count, 101, step);
  auto b = a;
  for (std::size_t i = 0; i < count; ++i) b[i] += v[i];
  const auto middle = midpoint(a, b);
  std::vector<float> at_a(count), at_middle(count), at_b(count);
  oracle.hessian_vector(a, sample, v, at_a);
  oracle.hessian_vector(middle, sample, v, at_middle);
  oracle.hessian_vector(b, sample, v, at_b);
  const auto before = gradient_at(oracle, a, sample), after = gradient_at(oracle, b, sample);
  double largest = 0;
  for (std::size_t i = 0; i < count; ++i)
    largest = std::max(largest, std::abs(double{after[i]} - before[i]));
  for (std::size_t i = 0; i < count; ++i)
    EXPECT_NEAR((at_a[i] + 4.0 * at_middle[i] + at_b[i]) / 6, double{after[i]} - before[i],
                tolerance * largest);
}

}  // namespace laconic
