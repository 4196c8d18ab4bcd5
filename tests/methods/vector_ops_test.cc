#include "methods/vector_ops.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <vector>

#include "base/rng.h"

namespace laconic {
namespace {

constexpr std::size_t kCounts[] = {0, 1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 1000, 4099};
constexpr std::size_t kOffsets[] = {0, 1, 3};  // of a float: every alignment that spans can have

/// Normal values from `offset` on, so that neither ends nor start are aligned.
struct Vector {
  Vector(std::size_t count, std::size_t offset, std::uint64_t stream)
      : memory(count + offset), span(MutFloats(memory).subspan(offset)) {
    const RngKey key = make_key(7, kEveryRank, stream, RngPurpose::test);
    for (std::size_t i = 0; i < count; ++i) span[i] = static_cast<float>(normal(key, i));
  }
  std::vector<float> memory;
  MutFloats span;
};

void for_every_shape(const std::function<void(std::size_t count, std::size_t offset)>& body) {
  for (const std::size_t count : kCounts)
    for (const std::size_t offset : kOffsets) {
      SCOPED_TRACE("count " + std::to_string(count) + ", offset " + std::to_string(offset));
      body(count, offset);
    }
}

/// Each product and sum rounded to float by itself: volatile keeps the compiler from fusing them.
float times(float a, float b) {
  const volatile float product = a * b;
  return product;
}

TEST(VectorOps, ElementwiseEqualTheirFormulaToTheBit) {
  for_every_shape([](std::size_t count, std::size_t offset) {
    const Vector x(count, offset, 1), y(count, 3 - offset, 2);
    Vector scaled(count, offset, 1), sum(count, offset, 2), difference(count, offset, 2),
        moved(count, offset, 2), mixed(count, offset, 3);
    scale(0.3f, scaled.span);
    add(x.span, sum.span);
    subtract(x.span, difference.span);
    axpy(-0.7f, x.span, moved.span);
    combine(0.3f, x.span, -0.7f, y.span, mixed.span);
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_EQ(scaled.span[i], times(0.3f, x.span[i]));
      ASSERT_EQ(sum.span[i], y.span[i] + x.span[i]);
      ASSERT_EQ(difference.span[i], y.span[i] - x.span[i]);
      ASSERT_EQ(moved.span[i], y.span[i] + times(-0.7f, x.span[i]));
      ASSERT_EQ(mixed.span[i], times(0.3f, x.span[i]) + times(-0.7f, y.span[i]));
    }
  });
}

TEST(VectorOps, AnOutputMayBeAnInput) {
  Vector x(1000, 1, 1), y(1000, 1, 2), expected(1000, 1, 3);
  combine(0.3f, x.span, 0.7f, y.span, expected.span);
  combine(0.3f, x.span, 0.7f, y.span, x.span);
  EXPECT_TRUE(std::ranges::equal(x.span, expected.span));
  axpy(1.0f, y.span, y.span);
  const Vector once(1000, 1, 2);
  for (std::size_t i = 0; i < 1000; ++i) ASSERT_EQ(y.span[i], 2 * once.span[i]);
}

/// What the header promises, one lane after the other.
double in_lanes(std::size_t count, const std::function<double(std::size_t)>& term) {
  std::vector<double> lanes(16);
  for (std::size_t lane = 0; lane < 16; ++lane)
    for (std::size_t i = lane; i < count; i += 16) lanes[lane] += term(i);
  while (lanes.size() > 1) {
    const std::size_t half = lanes.size() / 2;
    for (std::size_t i = 0; i < half; ++i) lanes[i] += lanes[i + half];
    lanes.resize(half);
  }
  return lanes[0];
}

TEST(VectorOps, ReductionsAddInSixteenLanes) {
  for_every_shape([](std::size_t count, std::size_t offset) {
    const Vector x(count, offset, 1), y(count, 3 - offset, 2);
    const auto product = [&](std::size_t i) { return double{x.span[i]} * double{y.span[i]}; };
    const auto square = [&](std::size_t i) { return double{x.span[i]} * double{x.span[i]}; };
    const auto difference = [&](std::size_t i) {
      const double d = double{x.span[i]} - double{y.span[i]};
      return d * d;
    };
    EXPECT_EQ(dot(x.span, y.span), in_lanes(count, product));
    EXPECT_EQ(squared_norm(x.span), in_lanes(count, square));
    EXPECT_EQ(squared_distance(x.span, y.span), in_lanes(count, difference));
  });
}

TEST(VectorOps, ReductionsKeepWhatFloatsWouldLose) {
  std::vector<float> x(1 << 16, 1e-4f);
  x[0] = 1e4f;
  const double small = 1e-4f;
  EXPECT_NEAR(squared_norm(x), 1e8 + ((1 << 16) - 1) * small * small, 1e-4);
}

TEST(VectorOps, LengthsMustAgree) {
  std::vector<float> two(2), three(3);
  EXPECT_THROW(axpy(1, two, three), std::logic_error);
  EXPECT_THROW(dot(two, three), std::logic_error);
  EXPECT_THROW(combine(1, three, 1, two, three), std::logic_error);
  EXPECT_THROW(descend(two, 0.1f, 0, three), std::logic_error);
}

}  // namespace
}  // namespace laconic
