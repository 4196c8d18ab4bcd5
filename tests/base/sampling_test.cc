#include "base/sampling.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace laconic {
namespace {

const RngKey kKey = make_key(1, kEveryRank, 0, RngPurpose::test);

std::vector<std::uint32_t> labels_of(std::size_t n) {
  std::vector<std::uint32_t> labels(n);
  for (std::size_t i = 0; i < n; ++i) labels[i] = static_cast<std::uint32_t>(i * 7 % 10);
  return labels;
}

TEST(Partition, EqualDisjointParts) {
  const auto labels = labels_of(103);
  for (auto kind : {Partition::shuffled, Partition::contiguous, Partition::by_label}) {
    std::set<std::uint32_t> seen;
    for (int rank = 0; rank < 4; ++rank) {
      const auto mine = partition_examples(labels, kind, kKey, rank, 4);
      EXPECT_EQ(mine.size(), 25u);
      seen.insert(mine.begin(), mine.end());
    }
    EXPECT_EQ(seen.size(), 100u);
  }
}

TEST(Partition, ByLabelGivesARankFewLabels) {
  const auto labels = labels_of(100);
  std::set<std::uint32_t> seen;
  for (auto i : partition_examples(labels, Partition::by_label, kKey, 0, 5)) seen.insert(labels[i]);
  EXPECT_EQ(seen.size(), 2u);
}

TEST(BatchSampler, AnEpochTakesEveryExampleOnceAndTheNextInAnotherOrder) {
  BatchSampler sampler(partition_examples(labels_of(64), Partition::contiguous, kKey, 0, 1), kKey);
  std::vector<std::vector<std::uint32_t>> epochs(2);
  for (std::uint64_t draw = 0; draw < 16; ++draw)
    for (auto i : sampler.batch(draw, 8)) epochs[draw / 8].push_back(i);
  EXPECT_NE(epochs[0], epochs[1]);
  for (auto& epoch : epochs) EXPECT_EQ(std::set(epoch.begin(), epoch.end()).size(), 64u);
}

TEST(BatchSampler, HasNoState) {
  const auto mine = partition_examples(labels_of(64), Partition::shuffled, kKey, 1, 2);
  BatchSampler a(mine, kKey), b(mine, kKey);
  for (std::uint64_t draw = 0; draw < 20; ++draw) a.batch(draw, 5);
  for (std::uint64_t draw : {19, 3, 7}) {
    const auto x = a.batch(draw, 5), y = b.batch(draw, 5);
    EXPECT_TRUE(std::equal(x.begin(), x.end(), y.begin(), y.end()));
  }
  EXPECT_EQ(a.batch(3, 0).size(), 32u);
}

}  // namespace
}  // namespace laconic
