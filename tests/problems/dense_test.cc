#include "problems/dense.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/errors.h"
#include "base/rng.h"

namespace laconic {
namespace {

std::vector<double> random_values(std::size_t count, std::uint64_t stream) {
  const RngKey key = make_key(5, kEveryRank, stream, RngPurpose::test);
  std::vector<double> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = normal(key, i);
  return values;
}

TEST(Dense, DotIsExactOnIntegers) {
  for (const std::size_t count : {0, 1, 7, 8, 9, 16, 1001}) {
    std::vector<double> a(count), b(count);
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i) {
      a[i] = static_cast<double>(i % 13) - 6;
      b[i] = static_cast<double>(i % 7) + 1;
      sum += a[i] * b[i];
    }
    EXPECT_EQ(dot(a, b), sum);
  }
}

/// G'G / n + ridge, which is positive definite.
SymmetricProduct example(std::size_t count, double ridge) {
  return
      [=, g = random_values(count * count, 1)](std::span<const double> v, std::span<double> out) {
        for (std::size_t i = 0; i < count; ++i) out[i] = ridge * v[i];
        for (std::size_t k = 0; k < count; ++k) {
          const auto row = std::span(g).subspan(k * count, count);
          const double image = dot(row, v) / static_cast<double>(count);
          for (std::size_t i = 0; i < count; ++i) out[i] += image * row[i];
        }
      };
}

TEST(Dense, SolveSolves) {
  for (const std::size_t count : {1, 2, 10, 200}) {
    const auto product = example(count, 1e-2);
    const auto right = random_values(count, 2);
    const auto x = solve(product, right);
    std::vector<double> image(count);
    product(x, image);
    double off = 0;
    for (std::size_t i = 0; i < count; ++i) off = std::max(off, std::abs(image[i] - right[i]));
    EXPECT_LT(off, 1e-11);
  }
}

TEST(Dense, SolveOfNothingIsNothing) {
  EXPECT_EQ(solve(example(3, 1), std::vector<double>(3)), std::vector<double>(3));
  EXPECT_TRUE(solve(example(0, 1), {}).empty());
}

TEST(Dense, SolveGivesUpWhereThereIsNoSolution) {
  const SymmetricProduct projection = [](std::span<const double> v, std::span<double> out) {
    out[0] = v[0];
    out[1] = 0;
  };
  EXPECT_THROW(solve(projection, std::vector<double>{1, 1}), NumericError);
}

}  // namespace
}  // namespace laconic
