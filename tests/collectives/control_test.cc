#include "collectives/control.h"

#include <gtest/gtest.h>

#include <atomic>

#include "collectives/ledger.h"
#include "tests/collectives/in_process_kinds.h"

namespace laconic::test {
namespace {

std::vector<std::byte> bytes_of(int rank) {
  return std::vector<std::byte>(rank * 1000, static_cast<std::byte>(rank));
}

class Control : public testing::TestWithParam<GroupKind> {};
INSTANTIATE_TEST_SUITE_P(Threads, Control, testing::ValuesIn(buffered_and_rendezvous()), kind_name);

TEST_P(Control, NobodyLeavesABarrierBeforeAllHaveCome) {
  for (const int ranks : GetParam().sizes) {
    std::atomic<int> come = 0;
    GetParam().run(ranks, [&](Transport& t) {
      for (int round = 1; round <= 20; ++round) {
        ++come;
        barrier(t, 3);
        EXPECT_GE(come, round * ranks);
        barrier(t, 3);
      }
    });
  }
}

TEST_P(Control, BroadcastIsRankZeros) {
  for (const int ranks : GetParam().sizes)
    GetParam().run(ranks, [](Transport& t) {
      for (const int length : {0, 1, 40}) {
        const auto mine = bytes_of(t.rank() == 0 ? length : 99);
        EXPECT_TRUE(broadcast(t, mine, 3) == bytes_of(length));
      }
    });
}

TEST_P(Control, AllgatherGivesEveryRanksBytesInOrder) {
  for (const int ranks : GetParam().sizes)
    GetParam().run(ranks, [](Transport& t) {
      Ledger ledger;
      const auto counted = count_bytes(t, ledger);
      for (int round = 0; round < 3; ++round) {
        const auto all = allgather(*counted, bytes_of(t.rank()), 3);
        ASSERT_EQ(all.size(), std::size_t(t.size()));
        for (int r = 0; r < t.size(); ++r) EXPECT_TRUE(all[r] == bytes_of(r));
      }
      EXPECT_EQ(ledger.sent.total(), ledger.sent.control);
      EXPECT_EQ(ledger.messages_sent, 3u * 2u * (t.rank() == 0 ? t.size() - 1 : 1));
    });
}

}  // namespace
}  // namespace laconic::test
