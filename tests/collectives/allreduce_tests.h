#pragma once

#include <gtest/gtest.h>

#include <numeric>

#include "collectives/allreduce.h"
#include "collectives/ledger.h"
#include "collectives/transports/in_process.h"
#include "tests/collectives/ranks.h"
#include "tests/collectives/vectors.h"

/// What every allreduce in the table must do over every kind of group.
namespace laconic::test {

inline constexpr Tag kSum{.channel = channels::collective, .purpose = Purpose::dense};

class Allreduce : public testing::TestWithParam<GroupKind> {
 protected:
  void on_every_size(const RankBody& body) {
    for (const int ranks : GetParam().sizes) {
      SCOPED_TRACE(std::to_string(ranks) + " ranks");
      GetParam().run(ranks, body);
    }
  }
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Allreduce);

/// The ledger of one sum, compared with what the algorithm says it costs. Collective.
inline void expect_cost(Transport& t, const Cost& cost, const Ledger& ledger) {
  const auto sent = from_every_rank(t, ledger.sent.total());
  const double mean = std::accumulate(sent.begin(), sent.end(), 0.0) / t.size();
  EXPECT_DOUBLE_EQ(mean, cost.bytes_mean);
  EXPECT_EQ(*std::max_element(sent.begin(), sent.end()), cost.bytes_busiest);
  EXPECT_EQ(ledger.sent.total(), ledger.sent.dense + ledger.sent.control);
  const auto received = from_every_rank(t, ledger.received.total());
  EXPECT_EQ(std::accumulate(received.begin(), received.end(), std::uint64_t{0}),
            std::accumulate(sent.begin(), sent.end(), std::uint64_t{0}));
}

TEST_P(Allreduce, IsExactOnIntegersAtTheCostItSays) {
  on_every_size([](Transport& t) {
    Scratch scratch;
    for (const AllreduceAlgorithm& algorithm : allreduce_algorithms())
      for (const std::size_t length : kAwkwardLengths) {
        SCOPED_TRACE(std::string(algorithm.name) + " of " + std::to_string(length));
        Ledger ledger;
        const auto counted = count_bytes(t, ledger);
        auto vector = integers(t.rank(), 0, length);
        algorithm.run(*counted, vector, kSum, scratch);
        EXPECT_TRUE(vector == sum_of_integers(t.size(), 0, length));
        expect_cost(t, algorithm.cost(length, topology_of(t, vector)), ledger);
      }
  });
}

/// Where the transport has memory that ranks of a machine share, vectors may lie in it.
TEST_P(Allreduce, SumsInSharedMemory) {
  on_every_size([](Transport& t) {
    if (t.shared_memory() == nullptr) return;
    Scratch scratch;
    constexpr std::size_t kLongest = 70000;
    const MutBytes memory = t.shared_memory()->allocate(kLongest * sizeof(float));
    for (const AllreduceAlgorithm& algorithm : allreduce_algorithms())
      for (const std::size_t length :
           {std::size_t{1}, std::size_t{8}, std::size_t{4099}, kLongest}) {
        SCOPED_TRACE(std::string(algorithm.name) + " of " + std::to_string(length));
        const MutFloats vector(reinterpret_cast<float*>(memory.data()), length);
        const auto own = floats(t.rank(), 1, length);
        std::copy(own.begin(), own.end(), vector.begin());
        Ledger ledger;
        algorithm.run(*count_bytes(t, ledger), vector, kSum, scratch);
        EXPECT_TRUE(topology_of(t, vector).shared_memory);
        expect_cost(t, algorithm.cost(length, topology_of(t, vector)), ledger);
        auto elsewhere = own;
        algorithm.run(t, elsewhere, kSum, scratch);
        EXPECT_EQ(hash_of(elsewhere), hash_of(std::vector<float>(vector.begin(), vector.end())));
      }
  });
}

TEST_P(Allreduce, LeavesTheSameBitsEverywhere) {
  on_every_size([](Transport& t) {
    Scratch scratch;
    for (const AllreduceAlgorithm& algorithm : allreduce_algorithms())
      for (const std::size_t length : kAwkwardLengths) {
        auto vector = floats(t.rank(), length, length);
        algorithm.run(t, vector, kSum, scratch);
        EXPECT_TRUE(same_on_every_rank(t, vector)) << algorithm.name << " of " << length;
      }
  });
}

TEST_P(Allreduce, LeavesTheBitsThatThreadsLeave) {
  on_every_size([](Transport& t) {
    Scratch scratch;
    for (const AllreduceAlgorithm& algorithm : allreduce_algorithms())
      for (const std::size_t length : {3, 65, 1000, 65539}) {
        auto vector = floats(t.rank(), 1, length);
        algorithm.run(t, vector, kSum, scratch);
        if (t.rank() != 0) continue;
        std::vector<float> reference;
        const auto hosts = topology_of(t, vector).hosts;
        run_ranks(make_in_process_group(t.size(), {.hosts = hosts}), [&](Transport& thread) {
          Scratch own;
          auto sum = floats(thread.rank(), 1, length);
          algorithm.run(thread, sum, kSum, own);
          if (thread.rank() == 0) reference = sum;
        });
        EXPECT_EQ(hash_of(vector), hash_of(reference)) << algorithm.name << " of " << length;
      }
  });
}

/// Sums on two channels do not disturb each other, nor what was posted before them on a third.
TEST_P(Allreduce, KeepsToItsChannel) {
  on_every_size([](Transport& t) {
    Scratch scratch;
    constexpr Tag kOther{.channel = 9, .purpose = Purpose::control};
    const int right = (t.rank() + 1) % t.size(), left = (t.rank() + t.size() - 1) % t.size();
    int mine = t.rank(), theirs = -1;
    std::vector<Ticket> tickets;
    if (t.size() > 1) {
      tickets.push_back(
          t.post_receive(left, kOther, std::as_writable_bytes(std::span(&theirs, 1))));
      tickets.push_back(t.post_send(right, kOther, std::as_bytes(std::span(&mine, 1))));
    }
    for (const AllreduceAlgorithm& algorithm : allreduce_algorithms()) {
      auto vector = integers(t.rank(), 3, 100);
      algorithm.run(t, vector, kSum, scratch);
      EXPECT_TRUE(vector == sum_of_integers(t.size(), 3, 100)) << algorithm.name;
    }
    for (const Ticket ticket : tickets) t.wait(ticket);
    EXPECT_EQ(theirs, t.size() > 1 ? left : -1);
  });
}

}  // namespace laconic::test
