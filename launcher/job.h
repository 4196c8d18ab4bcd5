#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace laconic {

struct JobEnd {
  int status = 0;            ///< Exit status, or 128 + the signal that ended it.
  bool interrupted = false;  ///< A person asked for the end.
};

/// Runs a command to its end in a process group of its own, without standard input. What it writes
/// to stderr goes on to ours and to `see`. The first SIGINT, SIGTERM or SIGUSR1 that we get reaches
/// it as SIGUSR1 (mpirun hands that to every rank, where SIGINT would kill them at once), the
/// second as SIGTERM. Throws ConfigError if there is no such command.
JobEnd run_job(const std::vector<std::string>& command,
               const std::function<void(std::string_view)>& see);

}  // namespace laconic
