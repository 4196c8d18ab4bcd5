#pragma once

#include <functional>
#include <optional>

#include "collectives/link_model.h"
#include "collectives/transport.h"
#include "collectives/transports/tcp.h"

namespace laconic {

/// How the ranks of a run find each other.
struct WorldOptions {
  int ranks = 1;  ///< Threads of this process, or processes over tcp; mpirun says by itself.
  std::optional<TcpOptions> tcp;  ///< This process is one rank, and the others come by TCP.
  std::optional<Link> emulated;   ///< Of threads, each as if it were a host on such links.
  double deadline_seconds = 60;
};

/// Runs `body` once for each rank that this process has: one over tcp or mpirun, else `ranks`
/// threads. The first exception of any rank aborts the group and is thrown on, with the rank's
/// number where there is more than one; later ones, which it caused, are not.
void run_ranks(const WorldOptions& options, const std::function<void(Transport&)>& body);

}  // namespace laconic
