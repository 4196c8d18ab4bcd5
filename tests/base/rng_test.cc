#include "base/rng.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace laconic {
namespace {

// Known answers of Random123's kat_vectors for philox4x32 with 10 rounds.
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox({0, 0}, 0),
            (std::array<std::uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({~0ull, ~0ull}, ~0ull),
            (std::array<std::uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
}

TEST(RngKey, EveryCoordinateMatters) {
  const auto lo = [](auto... a) { return make_key(a...).lo; };
  const std::set<std::uint64_t> keys{lo(1, 2u, 3, RngPurpose::sample, 4),
                                     lo(2, 2u, 3, RngPurpose::sample, 4),
                                     lo(1, 3u, 3, RngPurpose::sample, 4),
                                     lo(1, 2u, 4, RngPurpose::sample, 4),
                                     lo(1, 2u, 3, RngPurpose::dropout, 4),
                                     lo(1, 2u, 3, RngPurpose::sample, 5),
                                     derive(make_key(1, 2, 3, RngPurpose::sample, 4), 0).lo};
  EXPECT_EQ(keys.size(), 7u);
}

TEST(Rng, MomentsOfUniformAndNormal) {
  const RngKey key = make_key(7, 0, 0, RngPurpose::test);
  constexpr int n = 200000;
  double u = 0, z = 0, zz = 0;
  std::array<int, 10> dice{};
  for (int i = 0; i < n; ++i) {
    u += uniform(key, i);
    const double x = normal(derive(key, 1), i);
    z += x;
    zz += x * x;
    ++dice[uniform_below(derive(key, 2), i, 10)];
  }
  EXPECT_NEAR(u / n, 0.5, 5 * 0.289 / std::sqrt(n));
  EXPECT_NEAR(z / n, 0, 5 / std::sqrt(n));
  EXPECT_NEAR(zz / n, 1, 5 * std::sqrt(2.0 / n));
  for (int count : dice) EXPECT_NEAR(count, n / 10, 5 * std::sqrt(n * 0.09));
}

}  // namespace
}  // namespace laconic
