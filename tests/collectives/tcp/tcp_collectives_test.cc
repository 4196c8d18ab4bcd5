#include "tests/collectives/allreduce_tests.h"
#include "tests/collectives/exchange_tests.h"
#include "tests/collectives/tcp/tcp_group.h"

namespace laconic::test {
namespace {

const GroupKind kTcp{"tcp", {2, 3, 4, 7}, [](int ranks, double deadline, const RankBody& body) {
                       TcpOptions options;
                       options.deadline_seconds = deadline;
                       run_ranks(make_tcp_group(ranks, options), body);
                     }};

INSTANTIATE_TEST_SUITE_P(Tcp, Allreduce, testing::Values(kTcp), kind_name);
INSTANTIATE_TEST_SUITE_P(Tcp, Exchanges, testing::Values(kTcp), kind_name);

}  // namespace
}  // namespace laconic::test
