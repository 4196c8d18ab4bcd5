#include "collectives/allreduce/algorithms.h"
#include "collectives/allreduce/steps.h"

// Recursive doubling: few messages one after the other, whole vectors each time. For short vectors
// and slow latencies (Thakur, Rabenseifner and Gropp, "Optimization of collective communication
// operations in MPICH", IJHPCA 2005, §4).
//
// Let P be the largest power of two within N. Ranks P and above hand their vector to rank - P and
// get the sum back at the end. In between, ranks below P swap whole vectors with partners at
// distance 1, 2, 4, ... P / 2 and add: after each round twice as many ranks hold the same sum.
//
// Order of addition: a guest's vector to its host's, then a balanced tree over the ranks below P.
// Both partners add the same two sums, and x + y is y + x bit for bit, so that all ranks agree.
namespace laconic::allreduce {

void recursive_doubling(Transport& transport, MutFloats vector, Tag tag, Scratch& scratch) {
  const int ranks = transport.size(), rank = transport.rank();
  if (ranks == 1 || vector.empty()) return;
  const int core = power_of_two_within(ranks).value;
  if (rank >= core) {
    send(transport, rank - core, vector, tag);
    receive(transport, rank - core, vector, tag);
    return;
  }
  const Scratch::Scope scope(scratch);
  const MutFloats theirs = scratch.take<float>(vector.size());
  const bool has_guest = rank + core < ranks;
  if (has_guest) {
    receive(transport, rank + core, theirs, tag);
    add(theirs, vector);
  }
  for (int distance = 1; distance < core; distance *= 2) {
    const int partner = rank ^ distance;
    send_receive(transport, partner, vector, partner, theirs, tag);
    add(theirs, vector);
  }
  if (has_guest) send(transport, rank + core, vector, tag);
}

/// A path takes a message for each bit in which its ends differ. One from a guest, over its host to
/// the opposite rank, is one longer; one from guest to guest two, if some hosts are opposite.
Cost recursive_doubling_cost(std::size_t floats, const Topology& topology) {
  if (topology.ranks == 1 || floats == 0) return {};
  const PowerOfTwo core = power_of_two_within(topology.ranks);
  const int guests = topology.ranks - core.value;
  const std::size_t bytes = floats * sizeof(float);
  const std::size_t vectors_sent = core.value * core.exponent + 2 * guests;
  const std::size_t detour = (guests > 0 ? 1 : 0) + (guests > core.value / 2 ? 1 : 0);
  return {.messages = core.exponent + detour,
          .bytes_mean = static_cast<double>(vectors_sent * bytes) / topology.ranks,
          .bytes_busiest = (core.exponent + (guests > 0 ? 1 : 0)) * bytes};
}

}  // namespace laconic::allreduce
