#include "launcher/world.h"

#include <cmath>
#include <exception>
#include <mutex>
#include <numeric>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/errors.h"
#include "collectives/transports/in_process.h"
#include "collectives/transports/mpi.h"

namespace laconic {
namespace {

/// Keeps the exception that came first; one of the network's yields to any other, of which it may
/// be no more than an echo on another rank.
class FirstError {
 public:
  void take(const Error& error) {
    const std::lock_guard lock(mutex_);
    const bool echo = error_ && error_->status() == ExitStatus::network;
    if (!error_ || (echo && error.status() != ExitStatus::network)) error_.emplace(error);
  }
  void rethrow() const {
    if (error_) throw *error_;
  }

 private:
  std::mutex mutex_;
  std::optional<Error> error_;
};

InProcessOptions threads_of(const WorldOptions& options) {
  InProcessOptions threads{.deadline_seconds = options.deadline_seconds};
  if (!options.emulated) return threads;
  threads.latency_seconds = options.emulated->latency_seconds;
  if (std::isfinite(options.emulated->bytes_per_second))
    threads.bytes_per_second = options.emulated->bytes_per_second;
  threads.shared_memory = false;
  threads.hosts.resize(static_cast<std::size_t>(options.ranks));
  std::iota(threads.hosts.begin(), threads.hosts.end(), 0);
  return threads;
}

void run_rank(Transport& transport, const std::function<void(Transport&)>& body,
              FirstError& first) {
  try {
    body(transport);
  } catch (const Interrupted& e) {
    first.take(e);  // all ranks have agreed to end here
  } catch (const std::exception& e) {
    const std::string who =
        transport.size() > 1 ? "rank " + std::to_string(transport.rank()) + ": " : "";
    first.take(Error(status_of(e), who + e.what()));
    transport.abort(e.what(), status_of(e));
  }
}

}  // namespace

void run_ranks(const WorldOptions& options, const std::function<void(Transport&)>& body) {
  FirstError first;
  if (options.tcp) {
    TcpOptions tcp = *options.tcp;
    tcp.ranks = options.ranks;
    tcp.deadline_seconds = options.deadline_seconds;
    const auto transport = make_tcp_transport(tcp, make_log(tcp.rank, {}));
    run_rank(*transport, body, first);
  } else if (started_by_mpi()) {
    const auto transport = make_mpi_transport({.deadline_seconds = options.deadline_seconds});
    run_rank(*transport, body, first);
  } else {
    const auto group = make_in_process_group(options.ranks, threads_of(options));
    std::vector<std::jthread> threads;
    for (const auto& transport : group)
      threads.emplace_back([&] { run_rank(*transport, body, first); });
  }
  first.rethrow();
}

}  // namespace laconic
