#include <gtest/gtest.h>

#include "tests/collectives/tcp/tcp_group.h"
#include "tests/collectives/transport_conformance.h"

namespace laconic::test {
namespace {

GroupKind kind(const std::string& name, const TcpOptions& options) {
  return {name, {1, 2, 3, 5, 8}, [options](int ranks, double deadline, const RankBody& body) {
            TcpOptions with_deadline = options;
            with_deadline.deadline_seconds = deadline;
            run_ranks(make_tcp_group(ranks, with_deadline), body);
          }};
}

std::vector<GroupKind> kinds() {
  static const Certificates certificates;
  TcpOptions tls, little;
  tls.tls = certificates.good();
  little.buffer_bytes = 300000;  // what the tests send ahead, and not a message more
  return {kind("tcp", {}), kind("tls", tls), kind("little_buffer", little)};
}

INSTANTIATE_TEST_SUITE_P(Tcp, TransportConformance, testing::ValuesIn(kinds()), kind_name);
INSTANTIATE_TEST_SUITE_P(Tcp, TransportFailure, testing::ValuesIn(kinds()), kind_name);

}  // namespace
}  // namespace laconic::test
