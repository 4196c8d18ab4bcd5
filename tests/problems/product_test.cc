// Products with a matrix, bit for bit by their definition, on every instruction set of this
// machine.
#include "problems/product.h"

#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <vector>

#include "base/rng.h"
#include "compressors/kernels/targets.h"

namespace laconic {
namespace {

using Doubles = std::vector<double>;

template <typename Element>
std::vector<Element> normals(std::size_t count, std::uint64_t seed) {
  const RngKey key = make_key(seed, kEveryRank, 0, RngPurpose::test);
  std::vector<Element> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<Element>(normal(key, i));
  return values;
}

/// Row after row, in 8 lanes by columns.
template <typename Element>
Doubles right_of(const std::vector<Element>& a, const Doubles& y, std::size_t rows) {
  Doubles right;
  for (std::size_t i = 0; i < rows; ++i) {
    Doubles lanes(8);
    for (std::size_t j = 0; j < y.size(); ++j) lanes[j % 8] += double{a[i * y.size() + j]} * y[j];
    right.push_back(std::accumulate(lanes.begin(), lanes.end(), 0.0));
  }
  return right;
}

template <typename Element>
Doubles left_of(const std::vector<Element>& a, const Doubles& x, std::size_t columns) {
  Doubles left(columns);
  for (std::size_t i = 0; i < x.size(); ++i)
    for (std::size_t j = 0; j < columns; ++j) left[j] += x[i] * double{a[i * columns + j]};
  return left;
}

template <typename Element>
class Product : public testing::Test {};
using Elements = testing::Types<float, double>;
TYPED_TEST_SUITE(Product, Elements);

TYPED_TEST(Product, IsItsDefinitionOnEveryInstructionSet) {
  for (const auto& target : kernels::supported_targets()) {
    const kernels::OnTarget on(target);
    for (const std::size_t rows : {1, 3, 4, 9, 64})
      for (const std::size_t columns : {1, 7, 8, 21, 64}) {
        SCOPED_TRACE(std::string(target.name) + ": " + std::to_string(rows) + " rows, " +
                     std::to_string(columns) + " columns");
        const auto a = normals<TypeParam>(rows * columns, rows + 100 * columns);
        const Doubles x = normals<double>(rows, 1), y = normals<double>(columns, 2);
        Doubles right(rows, 5), left(columns, 5);
        multiply(std::span(a), x, y, right, left);
        EXPECT_EQ(right, right_of(a, y, rows));
        EXPECT_EQ(left, left_of(a, x, columns));
        Doubles alone(rows, 5);
        multiply(std::span(a), {}, y, alone, {});
        EXPECT_EQ(alone, right);
        alone.assign(columns, 5);
        multiply(std::span(a), x, {}, {}, alone);
        EXPECT_EQ(alone, left);
      }
  }
}

TYPED_TEST(Product, VectorsThatDoNotFitAreRefused) {
  const auto a = normals<TypeParam>(12, 1);
  Doubles three(3), four(4);
  EXPECT_THROW(multiply(std::span(a), three, three, three, three), std::logic_error);
  EXPECT_THROW(multiply(std::span(a), three, four, three, {}), std::logic_error);
  EXPECT_THROW(multiply(std::span(a), {}, three, three, {}), std::logic_error);
}

}  // namespace
}  // namespace laconic
