// The passes of kernels/vectors.h on every instruction set, against what they say.
#include "compressors/kernels/vectors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/errors.h"
#include "compressors/kernels/targets.h"
#include "tests/compressors/vectors.h"

namespace laconic {
namespace {

// Runs `check_one(a, b)` on vectors of every kind, length and instruction set.
template <typename Check>
void for_all(Check check_one) {
  for (const auto& target : kernels::supported_targets()) {
    const kernels::OnTarget on(target);
    ASSERT_EQ(kernels::active_target().name, target.name);
    for (const std::size_t count : {0, 1, 7, 15, 16, 17, 31, 32, 33, 63, 64, 65, 1000})
      for (const Input kind : kInputs) {
        SCOPED_TRACE(std::string(target.name) + ", " + std::to_string(count) + " elements, input " +
                     std::to_string(static_cast<int>(kind)));
        check_one(make_input(kind, count, 1), make_input(kind, count, 2));
      }
  }
}

bool same_bits(Floats a, Floats b) {
  return std::ranges::equal(std::as_bytes(a), std::as_bytes(b));
}

TEST(Vectors, LargestMagnitude) {
  for_all([](const Misaligned& a, const Misaligned&) {
    float expected = 0;
    for (const float x : a.span()) expected = std::max(expected, std::abs(x));
    EXPECT_EQ(largest_magnitude(a.span()), expected);
  });
}

TEST(Vectors, AddFeedbackRoundsEachProductAndTheSum) {
  for_all([](const Misaligned& a, const Misaligned& b) {
    Misaligned out = b, expected = b;
    for (std::size_t i = 0; i < a.size(); ++i) expected[i] = 0.3f * b[i] + 0.7f * a[i];
    add_feedback(a.span(), b.span(), {.scale = 0.7f, .decay = 0.3f}, out.span());
    EXPECT_TRUE(same_bits(out.span(), expected.span()));
    add_feedback(a.span(), out.span(), {.scale = 0.7f, .decay = 0.0f}, out.span());
    for (std::size_t i = 0; i < a.size(); ++i) EXPECT_EQ(out[i], 0.7f * a[i]);
  });
}

TEST(Vectors, AddScaledAndSubtract) {
  for_all([](const Misaligned& a, const Misaligned& b) {
    Misaligned sum = b, expected = b, difference(a.size());
    for (std::size_t i = 0; i < a.size(); ++i) expected[i] += 0.3f * a[i];
    add_scaled(a.span(), 0.3f, sum.span());
    EXPECT_TRUE(same_bits(sum.span(), expected.span()));
    subtract(a.span(), b.span(), difference.span());
    for (std::size_t i = 0; i < a.size(); ++i) EXPECT_EQ(difference[i], a[i] - b[i]);
  });
}

TEST(Vectors, NotFiniteIsFoundWhereverItStands) {
  for (const auto& target : kernels::supported_targets()) {
    const kernels::OnTarget on(target);
    for (const std::size_t count : {1, 17, 33, 100})
      for (std::size_t at = 0; at < count; ++at)
        for (const float bad : {INFINITY, -INFINITY, NAN, -NAN}) {
          Misaligned v = make_input(Input::normal, count), out(count);
          v[at] = bad;
          EXPECT_THROW(require_finite(v.span()), NumericError);
          EXPECT_THROW(largest_magnitude(v.span()), NumericError);
          EXPECT_THROW(add_feedback(v.span(), out.span(), {}, out.span()), NumericError);
        }
  }
}

// Sums of finite numbers may overflow: that is found too.
TEST(Vectors, OverflowIsNotFinite) {
  const std::vector<float> large(20, 3e38f);
  std::vector<float> out(20);
  EXPECT_NO_THROW(require_finite(large));
  EXPECT_THROW(add_feedback(large, large, {}, out), NumericError);
}

}  // namespace
}  // namespace laconic
