#include "tests/collectives/allreduce_tests.h"

#include "base/errors.h"
#include "collectives/forwarding.h"
#include "collectives/shared_memory.h"
#include "tests/collectives/critical_path.h"
#include "tests/collectives/in_process_kinds.h"

namespace laconic::test {
namespace {

INSTANTIATE_TEST_SUITE_P(Threads, Allreduce, testing::ValuesIn(buffered_and_rendezvous()),
                         kind_name);

INSTANTIATE_TEST_SUITE_P(Machines, Allreduce, testing::ValuesIn(host_maps()), kind_name);

/// Groups of 1 to 9 ranks, over every map of machines.
std::vector<GroupKind> all_kinds() {
  auto kinds = host_maps();
  for (GroupKind& kind : buffered_and_rendezvous()) kinds.push_back(kind);
  return kinds;
}

TEST(AllreduceCost, MessagesOnTheCriticalPathAreWhatWasSaid) {
  for (const GroupKind& kind : all_kinds())
    for (const int ranks : kind.sizes)
      for (const AllreduceAlgorithm& algorithm : allreduce_algorithms())
        for (const std::size_t length : {0, 1, 8, 100}) {
          CriticalPath path;
          std::vector<std::size_t> clocks(ranks), said(ranks);
          kind.run(ranks, [&](Transport& t) {
            Scratch scratch;
            auto vector = integers(t.rank(), 0, length);
            said[t.rank()] = algorithm.cost(length, topology_of(t, vector)).messages;
            algorithm.run(*path.watch(t, clocks[t.rank()]), vector, kSum, scratch);
          });
          EXPECT_EQ(*std::max_element(clocks.begin(), clocks.end()), said.front())
              << algorithm.name << " of " << length << " on " << ranks << ", " << kind.name;
        }
}

TEST(AllreduceOrder, StarAddsInRankOrder) {
  run_ranks(make_in_process_group(7), [](Transport& t) {
    Scratch scratch;
    auto vector = floats(t.rank(), 0, 500);
    find_allreduce("star").run(t, vector, kSum, scratch);
    auto expected = floats(0, 0, 500);
    for (int r = 1; r < t.size(); ++r) {
      const auto summand = floats(r, 0, 500);
      for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += summand[i];
    }
    EXPECT_TRUE(vector == expected);
  });
}

/// Memory whose second lender has gone, as when the group dies in the middle of a sum.
class DiesWhileBorrowing final : public Forwarding, private SharedMemory {
 public:
  explicit DiesWhileBorrowing(Transport& inner) : Forwarding(inner) {}

  SharedMemory* shared_memory() override { return this; }
  int lent() const { return lent_; }

 private:
  MutBytes allocate(std::size_t bytes) override { return theirs().allocate(bytes); }
  std::optional<Place> place_of(Bytes mine) const override {
    return inner().shared_memory()->place_of(mine);
  }
  MutBytes borrow(int peer, Place place, std::size_t bytes) override {
    if (lent_ > 0) throw TransportError(peer, "borrow", "it has gone");
    const MutBytes memory = theirs().borrow(peer, place, bytes);
    ++lent_;
    return memory;
  }
  void give_back(int peer) noexcept override {
    theirs().give_back(peer);
    --lent_;
  }
  SharedMemory& theirs() { return *inner().shared_memory(); }

  int lent_ = 0;
};

/// Otherwise the lender would wait for it for ever.
TEST(AllreduceHierarchical, GivesBackWhatItBorrowedBeforeTheGroupDied) {
  const auto group = make_in_process_group(3);
  int lent = -1;
  EXPECT_THROW(run_ranks(group,
                         [&](Transport& t) {
                           Scratch scratch;
                           auto vector = floats(t.rank(), 0, 500);
                           if (t.rank() != 0)
                             return find_allreduce("hierarchical").run(t, vector, kSum, scratch);
                           DiesWhileBorrowing dies(t);
                           try {
                             find_allreduce("hierarchical").run(dies, vector, kSum, scratch);
                           } catch (const TransportError&) {
                             lent = dies.lent();
                             throw;
                           }
                         }),
               TransportError);
  EXPECT_EQ(lent, 0);
}

TEST(AllreduceTable, FindsByNameAndNamesTheNearest) {
  for (const AllreduceAlgorithm& algorithm : allreduce_algorithms())
    EXPECT_EQ(&find_allreduce(algorithm.name), &algorithm);
  try {
    find_allreduce("rign");
    ADD_FAILURE();
  } catch (const ConfigError& e) {
    EXPECT_NE(std::string(e.what()).find("did you mean ring?"), std::string::npos) << e.what();
  }
}

/// A rank that gives up in the middle of a sum takes the others with it.
TEST(AllreduceFailure, EndsOnEveryRank) {
  for (const AllreduceAlgorithm& algorithm : allreduce_algorithms())
    EXPECT_THROW(run_ranks(make_in_process_group(5, {.rendezvous = true}),
                           [&](Transport& t) {
                             if (t.rank() == 3) throw NumericError("the loss is not finite");
                             Scratch scratch;
                             std::vector<float> vector(100000);
                             algorithm.run(t, vector, kSum, scratch);
                             ADD_FAILURE() << "a sum without rank 3";
                           }),
                 NumericError);
}

}  // namespace
}  // namespace laconic::test
