// Coordinates from a key: on every instruction set what compressors/README.md says, and uniform.
#include "compressors/kernels/random_indices.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "compressors/kernels/targets.h"

namespace laconic {
namespace {

using Indices = std::vector<std::uint32_t>;

RngKey key_of(std::uint64_t seed) { return make_key(seed, 0, 0, RngPurpose::test); }

std::uint32_t word_of(const RngKey& key, std::uint64_t i) { return philox(key, i / 4)[i % 4]; }

// A number below `bound`, or nothing if the word favours some.
std::optional<std::uint32_t> number_of(std::uint32_t word, std::uint64_t bound) {
  const std::uint64_t product = word * bound;
  if (product % (std::uint64_t{1} << 32) < (std::uint64_t{1} << 32) % bound) return std::nullopt;
  return static_cast<std::uint32_t>(product >> 32);
}

// The rules, word by word.
Indices subset_by_the_rules(const RngKey& key, std::size_t count, std::size_t kept) {
  const bool complement = kept > count / 2;
  const std::size_t wanted = complement ? count - kept : kept;
  std::set<std::uint32_t> drawn;
  std::uint64_t first = 0;  // word of the round
  while (drawn.size() < wanted) {
    const std::size_t missing = wanted - drawn.size();
    for (std::uint64_t i = 0; i < missing; ++i)
      if (const auto number = number_of(word_of(key, first + i), count)) drawn.insert(*number);
    first += (missing + 3) / 4 * 4;
  }
  if (!complement) return {drawn.begin(), drawn.end()};
  Indices others;
  for (std::uint32_t i = 0; i < count; ++i)
    if (!drawn.contains(i)) others.push_back(i);
  return others;
}

Indices strata_by_the_rules(const RngKey& key, std::size_t count, std::size_t strata) {
  Indices indices;
  std::size_t begin = 0;
  for (std::size_t j = 0; j < strata; ++j) {
    const std::size_t size = count / strata + (j < count % strata ? 1 : 0);
    auto number = number_of(word_of(key, j), size);
    for (std::uint64_t i = 0; !number; ++i) number = number_of(philox(derive(key, j), i)[0], size);
    indices.push_back(static_cast<std::uint32_t>(begin + *number));
    begin += size;
  }
  return indices;
}

// Bounds near 2^30 make words be dropped; there the list is short.
struct Size {
  std::size_t count, kept;
};
constexpr Size kSizes[] = {{1, 1},       {2, 1},         {7, 3},         {7, 7},
                           {64, 40},     {1000, 10},     {1000, 999},    {5000, 4097},
                           {5003, 1025}, {100000, 3000}, {100000, 70000}};
constexpr std::size_t kMany = (std::size_t{1} << 30) - 1;

TEST(RandomIndices, SubsetsFollowTheRules) {
  for (const kernels::Target& target : kernels::supported_targets()) {
    const kernels::OnTarget on(target);
    SCOPED_TRACE(target.name);
    Scratch scratch;
    for (const auto& [count, kept] : kSizes)
      for (std::uint64_t seed = 0; seed < 3; ++seed) {
        Indices indices(kept);
        random_subset(key_of(seed), count, indices, scratch);
        ASSERT_EQ(indices, subset_by_the_rules(key_of(seed), count, kept))
            << kept << " of " << count;
      }
  }
  // Many regions of the bitmap; and too few of too many for one.
  constexpr Size kLarge[] = {{1'000'000, 30'000}, {1'000'000, 950'000}, {kMany, 1000}, {kMany, 20}};
  Scratch scratch;
  for (const auto& [count, kept] : kLarge) {
    Indices indices(kept);
    random_subset(key_of(1), count, indices, scratch);
    EXPECT_EQ(indices, subset_by_the_rules(key_of(1), count, kept)) << kept << " of " << count;
  }
}

TEST(RandomIndices, StrataFollowTheRules) {
  for (const kernels::Target& target : kernels::supported_targets()) {
    const kernels::OnTarget on(target);
    SCOPED_TRACE(target.name);
    for (const auto& [count, kept] : kSizes)
      for (std::uint64_t seed = 0; seed < 3; ++seed) {
        Indices indices(kept);
        random_of_strata(key_of(seed), count, indices);
        ASSERT_EQ(indices, strata_by_the_rules(key_of(seed), count, kept))
            << kept << " of " << count;
      }
    // Strata so large that of every few words one is not used.
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      Indices indices(33);
      random_of_strata(key_of(seed), kMany, indices);
      ASSERT_EQ(indices, strata_by_the_rules(key_of(seed), kMany, indices.size()));
    }
  }
}

// How often each element is drawn, against what it ought to be, by chi squared.
template <typename Draw>
void expect_uniform(std::size_t count, std::size_t kept, const Draw& draw) {
  constexpr int kDraws = 20000;
  std::vector<double> times(count);
  Indices indices(kept);
  for (int i = 0; i < kDraws; ++i) {
    draw(key_of(static_cast<std::uint64_t>(i)), indices);
    for (const std::uint32_t index : indices) ++times[index];
  }
  const double expected = double{kDraws} * static_cast<double>(kept) / static_cast<double>(count);
  double chi = 0;
  for (const double t : times) chi += (t - expected) * (t - expected) / expected;
  // Draws of one subset are negatively correlated, which makes chi smaller by 1 - k/n.
  EXPECT_LT(chi, static_cast<double>(count) + 5 * std::sqrt(2.0 * static_cast<double>(count)));
}

TEST(RandomIndices, AreUniform) {
  Scratch scratch;
  expect_uniform(101, 10, [&](const RngKey& key, Indices& indices) {
    random_subset(key, 101, indices, scratch);
  });
  expect_uniform(120, 40,
                 [](const RngKey& key, Indices& indices) { random_of_strata(key, 120, indices); });
}

}  // namespace
}  // namespace laconic
