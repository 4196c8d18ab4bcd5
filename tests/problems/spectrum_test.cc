#include "problems/spectrum.h"

#include <gtest/gtest.h>

#include <vector>

namespace laconic {
namespace {

double bound_of(const std::vector<double>& diagonal, std::uint64_t stream) {
  const auto product = [&](std::span<const double> v, std::span<double> out) {
    for (std::size_t i = 0; i < v.size(); ++i) out[i] = diagonal[i] * v[i];
  };
  return largest_eigenvalue_bound(diagonal.size(), product,
                                  make_key(1, kEveryRank, stream, RngPurpose::test));
}

TEST(Spectrum, IsAboveTheLargestEigenvalueByAPercentAtMost) {
  for (std::uint64_t stream = 0; stream < 20; ++stream) {
    for (const double second : {0.0, 0.5, 0.9, 0.99, 0.999, 1.0}) {
      std::vector<double> diagonal(100, 3 * second);
      diagonal[17] = 3;
      const double bound = bound_of(diagonal, stream);
      EXPECT_GE(bound, 3) << second;
      EXPECT_LE(bound, 3 * 1.0101) << second;
    }
  }
}

TEST(Spectrum, HoldsOnAnEvenSpectrum) {
  std::vector<double> diagonal(1000);
  for (std::size_t i = 0; i < diagonal.size(); ++i) diagonal[i] = static_cast<double>(i + 1) / 1000;
  for (std::uint64_t stream = 0; stream < 20; ++stream) EXPECT_GE(bound_of(diagonal, stream), 1);
}

TEST(Spectrum, IsFoundInFewProductsWhereNeighboursAreClose) {
  for (const double second : {0.9, 0.99, 0.999, 0.9999}) {
    std::vector<double> diagonal(1000);
    for (std::size_t i = 0; i < diagonal.size(); ++i)
      diagonal[i] = 7 * second * static_cast<double>(i) / 1000;
    diagonal[400] = 7;
    int products = 0;
    const double found = largest_eigenvalue(
        diagonal.size(),
        [&](std::span<const double> v, std::span<double> out) {
          ++products;
          for (std::size_t i = 0; i < v.size(); ++i) out[i] = diagonal[i] * v[i];
        },
        make_key(1, kEveryRank, 0, RngPurpose::test));
    EXPECT_NEAR(found, 7, 1e-8) << second;
    EXPECT_LE(products, 300) << second;
  }
}

TEST(Spectrum, OfNothingIsZero) {
  EXPECT_EQ(bound_of({0, 0, 0}, 0), 0);
  EXPECT_EQ(bound_of({}, 0), 0);
}

}  // namespace
}  // namespace laconic
