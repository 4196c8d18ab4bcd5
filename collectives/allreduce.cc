#include "collectives/allreduce.h"

#include <array>
#include <string>
#include <vector>

#include "base/errors.h"
#include "collectives/allreduce/algorithms.h"

namespace laconic {
namespace {

constexpr std::array kAlgorithms{
    AllreduceAlgorithm{"ring", allreduce::ring, allreduce::ring_cost},
    AllreduceAlgorithm{"recursive_doubling", allreduce::recursive_doubling,
                       allreduce::recursive_doubling_cost},
    AllreduceAlgorithm{"halving_doubling", allreduce::halving_doubling,
                       allreduce::halving_doubling_cost},
    AllreduceAlgorithm{"direct", allreduce::direct, allreduce::direct_cost},
    AllreduceAlgorithm{"star", allreduce::star, allreduce::star_cost},
    AllreduceAlgorithm{"tree", allreduce::tree, allreduce::tree_cost},
    AllreduceAlgorithm{"tree_3", allreduce::tree_3, allreduce::tree_3_cost},
    AllreduceAlgorithm{"hierarchical", allreduce::hierarchical, allreduce::hierarchical_cost},
    AllreduceAlgorithm{"hierarchical_star", allreduce::hierarchical_star,
                       allreduce::hierarchical_star_cost},
    AllreduceAlgorithm{"naive", allreduce::naive, allreduce::naive_cost},
};

[[noreturn]] void throw_unknown(std::string_view name) {
  std::vector<std::string> names;
  std::string expected = "one of";
  for (const AllreduceAlgorithm& algorithm : kAlgorithms) {
    names.emplace_back(algorithm.name);
    expected += (names.size() == 1 ? " " : ", ") + names.back();
  }
  expected += ", not \"" + std::string(name) + "\"";
  const std::string nearest = nearest_name(name, names);
  if (!nearest.empty()) expected += " (did you mean " + nearest + "?)";
  throw ConfigError("allreduce", expected);
}

}  // namespace

Topology topology_of(Transport& transport, Floats vector) {
  Topology topology{.ranks = transport.size()};
  for (int r = 0; r < topology.ranks; ++r) topology.hosts.push_back(transport.host_of(r));
  SharedMemory* const memory = transport.shared_memory();
  topology.shared_memory = memory != nullptr && memory->place_of(std::as_bytes(vector));
  return topology;
}

std::span<const AllreduceAlgorithm> allreduce_algorithms() { return kAlgorithms; }

const AllreduceAlgorithm& find_allreduce(std::string_view name) {
  for (const AllreduceAlgorithm& algorithm : kAlgorithms)
    if (algorithm.name == name) return algorithm;
  throw_unknown(name);
}

}  // namespace laconic
