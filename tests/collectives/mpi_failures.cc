#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "base/errors.h"
#include "collectives/exchange.h"
#include "collectives/transports/mpi.h"

// One rank of a job that goes wrong in the way its argument says; mpi_failure_test starts it under
// mpirun and looks at how the job ends. Always rank 2 is to blame.
namespace laconic {
namespace {

constexpr int kCulprit = 2;
constexpr Tag kTag{.channel = 40, .purpose = Purpose::frame};

void wait_for_culprit(Transport& transport) {
  std::vector<std::byte> buffer(8);
  transport.wait(transport.post_receive(kCulprit, kTag, buffer));
}

void exchange_with_nan(Transport& transport) {
  const Layout layout{{"only", 0, 100000, 1}};
  const auto exchange =
      make_exchange({.kind = GatherOptions{}, .bucket_bytes = 4000}, transport, layout);
  std::vector<float> gradient(100000, 1.0f);
  if (transport.rank() == kCulprit) gradient[60000] = std::numeric_limits<float>::quiet_NaN();
  exchange->begin(gradient, {}, {});
  exchange->finish();
}

void fail_by(const std::string& how, Transport& transport) {
  const bool culprit = transport.rank() == kCulprit;
  std::thread other;
  if (culprit && how == "throw") throw DataError("labels.gz", "label 17 of 10");
  if (culprit && how == "kill") std::raise(SIGKILL);
  if (culprit && how == "silent") std::this_thread::sleep_for(std::chrono::seconds(30));
  if (culprit && how == "too_long") {
    const std::vector<std::byte> long_message(100);
    for (int r = 0; r < transport.size(); ++r)
      if (r != kCulprit) transport.post_send(r, kTag, long_message);
  }
  if (culprit && how == "thread")
    other = std::thread([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      transport.abort("interrupted in another thread", ExitStatus::interrupted);
    });
  if (how == "exchange") exchange_with_nan(transport);
  if (culprit)
    transport.wait_any({});
  else
    wait_for_culprit(transport);
}

int run(const std::string& how) {
  const auto transport = make_mpi_transport({.deadline_seconds = how == "silent" ? 1.0 : 60.0});
  if (how == "unwind") {  // nobody catches it while the transport lives
    if (transport->rank() == kCulprit) throw NumericError("the loss is not finite");
    wait_for_culprit(*transport);
  }
  try {
    fail_by(how, *transport);
  } catch (const std::exception& e) {
    transport->abort(e.what(), status_of(e));
  }
  return 0;
}

}  // namespace
}  // namespace laconic

int main(int argc, char** argv) {
  try {
    return argc == 2 ? laconic::run(argv[1]) : 2;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
