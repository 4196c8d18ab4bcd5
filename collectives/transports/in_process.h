#pragma once

#include <memory>
#include <vector>

#include "collectives/transport.h"

namespace laconic {

struct InProcessOptions {
  /// A send completes only when its message is received: finds algorithms that rely on buffering.
  bool rendezvous = false;
  /// Emulated links, as of hosts on one switch (emulated_links.h): one way between any two ranks,
  /// and of each rank's interface each way. 0: none, and an infinite rate.
  double latency_seconds = 0;
  double bytes_per_second = 0;
  double deadline_seconds = 60;  ///< Of every wait.
  /// By rank: the machine that it pretends to be on, numbered as by Transport::host_of. Empty: all
  /// are on one.
  std::vector<int> hosts = {};
  bool shared_memory = true;  ///< False: as if ranks were processes.
};

/// A group of ranks that are threads of one process; element r is rank r's view. The views share
/// the group's memory; the group lives until the last view is gone.
std::vector<std::unique_ptr<Transport>> make_in_process_group(int ranks,
                                                              const InProcessOptions& options = {});

}  // namespace laconic
