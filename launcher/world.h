#pragma once

#include <functional>
#include <string>

#include "collectives/transport.h"

namespace laconic {

/// How the ranks of a run find each other.
struct WorldOptions {
  int ranks = 1;  ///< Threads of this process; under mpirun, mpirun says.
  double deadline_seconds = 60;
};

/// Runs `body` once for each rank that this process has: one under mpirun, else `ranks` threads.
/// The first exception of any rank aborts the group and is thrown on, with the rank's number where
/// there is more than one; later ones, which it caused, are not.
void run_ranks(const WorldOptions& options, const std::function<void(Transport&)>& body);

}  // namespace laconic
