// Coordinates from a key: on every instruction set what compressors/README.md says, and uniform.
#include "compressors/kernels/random_indices.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "compressors/kernels/targets.h"

namespace laconic {
namespace {

using Indices = std::vector<std::uint32_t>;

RngKey key_of(std::uint64_t seed) { return make_key(seed, 0, 0, RngPurpose::test); }

// The stream of a key as numbers of 16 bits or words of 32, one after another.
class Stream {
 public:
  explicit Stream(const RngKey& key) : key_(key) {}

  std::uint32_t half() {
    const std::uint32_t word = philox(key_, next_ / 8)[next_ / 2 % 4];
    return word >> 16 * (next_++ % 2) & 0xffff;
  }
  std::uint32_t word() {
    const std::uint32_t lower = half();
    return lower | half() << 16;
  }

 private:
  RngKey key_;
  std::uint64_t next_ = 0;
};

// --- The rules, number by number.

// Deals `numbers` coins to the ranges below a range of 2^16 2^level.
std::uint32_t deal(Stream& stream, std::size_t begin, unsigned level, std::uint32_t numbers,
                   std::size_t count, std::map<std::size_t, std::uint32_t>& shares) {
  if (numbers == 0) return 0;
  if (begin >= count) return numbers;
  if (level == 0) {
    shares[begin] += numbers;
    return 0;
  }
  std::uint32_t lower = 0;
  for (std::uint32_t i = 0; i < numbers; i += 16) {
    const std::uint32_t bits = stream.half();
    for (std::uint32_t j = 0; j < 16 && i + j < numbers; ++j) lower += bits >> j & 1;
  }
  const std::size_t middle = begin + (std::size_t{1} << (15 + level));
  const std::uint32_t beyond = deal(stream, begin, level - 1, lower, count, shares);
  return beyond + deal(stream, middle, level - 1, numbers - lower, count, shares);
}

Indices subset_by_the_rules(const RngKey& key, std::size_t count, std::size_t kept) {
  const auto bits = static_cast<unsigned>(std::bit_width(count - 1));
  const bool complement = kept > count / 2;
  const std::size_t wanted = complement ? count - kept : kept;
  Stream stream(key);
  std::set<std::uint32_t> drawn;
  while (drawn.size() < wanted) {
    std::map<std::size_t, std::uint32_t> shares;
    for (auto missing = static_cast<std::uint32_t>(wanted - drawn.size()); missing > 0;)
      missing = deal(stream, 0, std::max(bits, 16u) - 16, missing, count, shares);
    for (const auto& [begin, share] : shares)
      for (std::uint32_t i = 0; i < share; ++i) {
        const std::size_t number = begin + stream.half() % (1u << std::min(bits, 16u));
        if (number < count) drawn.insert(static_cast<std::uint32_t>(number));
      }
  }
  if (!complement) return {drawn.begin(), drawn.end()};
  Indices others;
  for (std::uint32_t i = 0; i < count; ++i)
    if (!drawn.contains(i)) others.push_back(i);
  return others;
}

// A number below `bound` from one of so many bits, or nothing if it favours some.
std::optional<std::uint32_t> number_of(std::uint32_t random, unsigned bits, std::uint64_t bound) {
  const std::uint64_t product = random * bound, all = std::uint64_t{1} << bits;
  if (product % all < all % bound) return std::nullopt;
  return static_cast<std::uint32_t>(product / all);
}

Indices strata_by_the_rules(const RngKey& key, std::size_t count, std::size_t strata) {
  const bool large = (count + strata - 1) / strata > 4096;
  Stream stream(key), reserve(derive(key, 0));
  Indices indices;
  std::size_t begin = 0;
  for (std::size_t j = 0; j < strata; ++j) {
    const std::size_t size = count / strata + (j < count % strata ? 1 : 0);
    auto number = large ? number_of(stream.word(), 32, size) : number_of(stream.half(), 16, size);
    while (!number) number = number_of(reserve.word(), 32, size);
    indices.push_back(static_cast<std::uint32_t>(begin + *number));
    begin += size;
  }
  return indices;
}

struct Size {
  std::size_t count, kept;
};
constexpr Size kSizes[] = {
    {1, 1},         {2, 1},          {7, 3},        {7, 7},          {63, 20},     {64, 40},
    {65, 2},        {1000, 10},      {1000, 999},   {1000, 1000},    {5000, 4097}, {5003, 1025},
    {65536, 500},   {65537, 30000},  {65537, 300},  {100000, 3000},  {100000, 1},  {131072, 1000},
    {131073, 5000}, {100000, 70000}, {200000, 150}, {200000, 199990}};
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
  // Many ranges, the last ones missing; as a bitmap and as lists.
  constexpr Size kLarge[] = {{1'100'000, 30'000}, {1'100'000, 1'000'000}, {1'100'000, 20'000},
                             {1'100'000, 500},    {kMany, 1000},          {kMany, 20}};
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
    // By 16 bits, of which a seventeenth is not used; the smallest by words; and one so large that
    // of six words one is not used.
    for (const auto& [count, strata] :
         {Size{33 * 3856, 33}, Size{33 * 4096 + 1, 33}, Size{715827883, 1}})
      for (std::uint64_t seed = 0; seed < 20; ++seed) {
        Indices indices(strata);
        random_of_strata(key_of(seed), count, indices);
        ASSERT_EQ(indices, strata_by_the_rules(key_of(seed), count, strata))
            << strata << " of " << count;
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

// How often each pair is drawn. Each pair of a subset is as likely as any other.
TEST(RandomIndices, PairsOfSubsetsAreUniform) {
  constexpr std::size_t kCount = 23, kKept = 9;
  constexpr int kDraws = 40000;
  std::vector<double> times(kCount * kCount);
  Indices indices(kKept);
  Scratch scratch;
  for (int i = 0; i < kDraws; ++i) {
    random_subset(key_of(static_cast<std::uint64_t>(i)), kCount, indices, scratch);
    for (const std::uint32_t a : indices)
      for (const std::uint32_t b : indices)
        if (a < b) ++times[a * kCount + b];
  }
  constexpr double kPairs = kCount * (kCount - 1) / 2;
  constexpr double kExpected = kDraws * double{kKept * (kKept - 1) / 2} / kPairs;
  double chi = 0;
  for (std::size_t a = 0; a < kCount; ++a)
    for (std::size_t b = a + 1; b < kCount; ++b) {
      const double off = times[a * kCount + b] - kExpected;
      chi += off * off / kExpected;
    }
  EXPECT_LT(chi, kPairs + 5 * std::sqrt(2 * kPairs));
}

// How many fall into each of several ranges, the last of which is short, is hypergeometric: as
// often as should be on average, and as far from it.
TEST(RandomIndices, RangesGetTheirShare) {
  constexpr std::size_t kCount = 300'000, kKept = 3000, kRange = 65536;
  constexpr int kDraws = 4000;
  std::vector<double> sums(5), squares(5);
  Indices indices(kKept);
  Scratch scratch;
  for (int i = 0; i < kDraws; ++i) {
    random_subset(key_of(static_cast<std::uint64_t>(i)), kCount, indices, scratch);
    std::vector<double> shares(5);
    for (const std::uint32_t index : indices) ++shares[index / kRange];
    for (std::size_t r = 0; r < shares.size(); ++r)
      sums[r] += shares[r], squares[r] += shares[r] * shares[r];
  }
  for (std::size_t r = 0; r < sums.size(); ++r) {
    const double part = static_cast<double>(std::min(kRange, kCount - r * kRange)) / kCount;
    const double variance =
        kKept * part * (1 - part) * (kCount - kKept) / static_cast<double>(kCount - 1);
    const double mean = sums[r] / kDraws;
    EXPECT_NEAR(mean, kKept * part, 5 * std::sqrt(variance / kDraws)) << r;
    EXPECT_NEAR((squares[r] / kDraws - mean * mean) / variance, 1, 5 * std::sqrt(2.0 / kDraws))
        << r;
  }
}

TEST(RandomIndices, AreUniform) {
  Scratch scratch;
  for (const auto& [count, kept] : {Size{101, 10}, Size{101, 1}, Size{101, 80}})
    expect_uniform(count, kept, [&](const RngKey& key, Indices& indices) {
      random_subset(key, count, indices, scratch);
    });
  expect_uniform(120, 40,
                 [](const RngKey& key, Indices& indices) { random_of_strata(key, 120, indices); });
}

}  // namespace
}  // namespace laconic
