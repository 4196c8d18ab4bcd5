#include "base/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace laconic {
namespace {

constexpr int kThreads[] = {0, 1, 2, 3, 8};
constexpr std::size_t kParts[] = {0, 1, 2, 7, 1000};

template <typename Check>
void for_all(const Check& check) {
  for (const int threads : kThreads)
    for (const std::size_t parts : kParts) {
      SCOPED_TRACE(std::to_string(threads) + " threads, " + std::to_string(parts) + " parts");
      check(threads, parts);
    }
}

TEST(ParallelFor, DoesEachPartOnce) {
  for_all([](int threads, std::size_t parts) {
    std::vector<int> done(parts);
    parallel_for(threads, parts, [&](std::size_t i) { ++done[i]; });
    EXPECT_EQ(done, std::vector<int>(parts, 1));
  });
}

TEST(ParallelFor, TakesNoMoreThreadsThanAsked) {
  for (const int threads : kThreads) {
    std::atomic<int> inside = 0, most = 0;
    parallel_for(threads, 1000, [&](std::size_t) {
      const int now = ++inside;
      for (int before = most; now > before && !most.compare_exchange_weak(before, now);) {
      }
      --inside;
    });
    EXPECT_LE(most, std::max(threads, 1));
  }
}

TEST(ParallelFor, OthersHelp) {
  // Two parts that wait for each other end only if two threads are at them.
  std::atomic<int> here = 0;
  parallel_for(2, 2, [&](std::size_t) {
    ++here;
    here.notify_all();
    here.wait(1);
  });
  EXPECT_EQ(here, 2);
}

TEST(ParallelFor, ThrowsWhatTheLowestPartThrew) {
  for (const int threads : kThreads)
    for (int round = 0; round < 50; ++round) {
      std::atomic<int> after = 0;
      try {
        parallel_for(threads, 1000, [&](std::size_t i) {
          if (i % 10 == 3) throw std::runtime_error(std::to_string(i));
          if (i > 500) ++after;
        });
        ADD_FAILURE() << "nothing was thrown";
      } catch (const std::runtime_error& error) {
        EXPECT_EQ(std::string(error.what()), "3");
      }
      EXPECT_EQ(after, 0);
    }
}

TEST(ParallelFor, ManyCallersAtOnce) {
  std::vector<std::size_t> sums(6);
  {
    std::vector<std::jthread> callers;
    for (auto& sum : sums)
      callers.emplace_back([&sum] {
        for (int round = 0; round < 200; ++round) {
          std::vector<std::size_t> parts(20);
          parallel_for(3, parts.size(), [&](std::size_t i) { parts[i] = i; });
          sum += std::accumulate(parts.begin(), parts.end(), std::size_t{0});
        }
      });
  }
  EXPECT_EQ(sums, std::vector<std::size_t>(6, 200 * 190));
}

TEST(ParallelInOrder, FollowsEachPartInOrder) {
  for_all([](int threads, std::size_t parts) {
    std::vector<int> done(parts);
    std::vector<std::size_t> order;
    parallel_in_order(
        threads, parts, [&](std::size_t i) { done[i] = 1; },
        [&](std::size_t i) {
          EXPECT_EQ(done[i], 1);
          order.push_back(i);
        });
    std::vector<std::size_t> expected(parts);
    std::iota(expected.begin(), expected.end(), std::size_t{0});
    EXPECT_EQ(order, expected);
  });
}

TEST(ParallelInOrder, OneThreadTakesTurns) {
  std::string order;
  parallel_in_order(
      1, 3, [&](std::size_t i) { order.append("w").append(std::to_string(i)); },
      [&](std::size_t i) { order.append("t").append(std::to_string(i)); });
  EXPECT_EQ(order, "w0t0w1t1w2t2");
}

}  // namespace
}  // namespace laconic
