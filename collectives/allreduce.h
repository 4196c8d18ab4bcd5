#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "base/scratch.h"
#include "collectives/transport.h"

namespace laconic {

/// What an algorithm costs, exactly: tests compare it with what the ledger counted.
struct Cost {
  std::size_t messages = 0;       ///< On the critical path: how many latencies one call takes.
  double bytes_mean = 0;          ///< Sent by a rank, mean over ranks.
  std::size_t bytes_busiest = 0;  ///< Sent by the rank that sends most.
};

/// What a cost depends on.
struct Topology {
  int ranks = 1;
  std::vector<int> hosts = {};  ///< By rank, as Transport::host_of; empty: each has its own.
  bool shared_memory = false;   ///< Vectors are where ranks of a machine reach each other's.
};

/// Of sums of such vectors by this group.
Topology topology_of(Transport& transport, Floats vector);

/// Sums `vector` over the group, in place, the same bits on every rank. Every rank calls it with
/// the same length and tag. The order of addition is a function of ranks and length alone, and in
/// the hierarchical ones of which ranks share a machine.
struct AllreduceAlgorithm {
  std::string_view name;  ///< As in experiment.proto: "ring".
  void (*run)(Transport& transport, MutFloats vector, Tag tag, Scratch& scratch);
  Cost (*cost)(std::size_t floats, const Topology& topology);
};

/// Every algorithm there is, one file each in collectives/allreduce/.
std::span<const AllreduceAlgorithm> allreduce_algorithms();

/// Throws ConfigError, naming the nearest one, if there is none of that name.
const AllreduceAlgorithm& find_allreduce(std::string_view name);

}  // namespace laconic
