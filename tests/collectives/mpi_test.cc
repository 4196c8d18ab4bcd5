#include "collectives/transports/mpi.h"

#include <cstdlib>

#include "tests/collectives/allreduce_tests.h"
#include "tests/collectives/exchange_tests.h"
#include "tests/collectives/transport_conformance.h"

// Runs as one rank of a job: under mpirun -np N with N ranks, on its own with one. Ranks run the
// same tests in the same order. LACONIC_TEST_BLOCK_BYTES makes MPI messages of more than one block
// without gigabytes.
namespace laconic::test {
namespace {

/// MPI starts once in a process, so all tests share its one group.
Transport* world = nullptr;

GroupKind mpi_kind() {
  return {"mpi", {world->size()}, [](int, double, const RankBody& body) {
            try {
              body(*world);
            } catch (const std::exception& e) {
              world->abort(e.what(), status_of(e));
            }
          }};
}

// Made when InitGoogleTest runs, by which time there is a world.
INSTANTIATE_TEST_SUITE_P(Mpi, TransportConformance, testing::Values(mpi_kind()), kind_name);
INSTANTIATE_TEST_SUITE_P(Mpi, Allreduce, testing::Values(mpi_kind()), kind_name);
INSTANTIATE_TEST_SUITE_P(Mpi, Exchanges, testing::Values(mpi_kind()), kind_name);

TEST(Mpi, SumsByItsOwnAllreduce) {
  for (const std::size_t length : kAwkwardLengths) {
    auto vector = integers(world->rank(), 0, length);
    EXPECT_TRUE(world->native_allreduce(vector));
    EXPECT_TRUE(vector == sum_of_integers(world->size(), 0, length));
  }
}

TEST(Mpi, KnowsThatOneMachineIsOneHost) {
  for (int r = 0; r < world->size(); ++r) EXPECT_EQ(world->host_of(r), 0);
  EXPECT_EQ(world->name(), "mpi");
  EXPECT_NE(mpi_library_version().find("MPI"), std::string::npos);
}

}  // namespace
}  // namespace laconic::test

int main(int argc, char** argv) {
  laconic::MpiOptions options;
  if (const char* bytes = std::getenv("LACONIC_TEST_BLOCK_BYTES"))
    options.block_bytes = std::stoul(bytes);
  const auto transport = laconic::make_mpi_transport(options);
  laconic::test::world = transport.get();
  GTEST_FLAG_SET(brief, transport->rank() != 0);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
