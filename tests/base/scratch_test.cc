#include "base/scratch.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace laconic {
namespace {

TEST(Scratch, ScopesGiveBackAndGrowthKeepsSpansValid) {
  Scratch scratch;
  auto first = scratch.take<float>(100);
  first[0] = 1;
  first[99] = 2;
  for (int round = 0; round < 3; ++round) {
    Scratch::Scope scope(scratch);
    auto big = scratch.take<double>(1 << 20);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(big.data()) % 64, 0u);
    big[0] = big[big.size() - 1] = 7;
  }
  const std::size_t settled = scratch.capacity();
  for (int round = 0; round < 3; ++round) {
    Scratch::Scope scope(scratch);
    scratch.take<double>(1 << 20);
  }
  EXPECT_EQ(scratch.capacity(), settled);
  EXPECT_EQ(first[0], 1);
  EXPECT_EQ(first[99], 2);
  auto second = scratch.take<float>(1);
  EXPECT_GE(second.data(), first.data() + first.size());
}

}  // namespace
}  // namespace laconic
