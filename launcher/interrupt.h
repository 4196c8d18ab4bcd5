#pragma once

#include <atomic>

namespace laconic {

/// From now on the first SIGINT, SIGTERM or SIGUSR1 (what mpirun and Slurm hand on) sets the flag
/// that is returned, and the second ends the process.
const std::atomic<bool>& watch_for_interrupts();

}  // namespace laconic
