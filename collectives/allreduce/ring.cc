#include <algorithm>

#include "collectives/allreduce/algorithms.h"
#include "collectives/allreduce/steps.h"
#include "collectives/chunk.h"

// Ring: as few bytes as an allreduce can do with, evenly spread, for many messages one after the
// other (Patarasuk and Yuan, "Bandwidth optimal all-reduce algorithms", JPDC 2009).
//
// The vector is cut into a chunk for each rank, and every rank only ever sends to its right. In
// N - 1 steps of reduce-scatter each chunk goes once round the ring and gathers a summand at every
// stop: chunk c starts at rank c and is complete at rank c - 1. In N - 1 steps of allgather the
// complete chunks go round once more. Three ranks, chunks a b c, what each rank sends:
//
//   rank        0        1        2
//   step 0      a0       b1       c2
//   step 1      c2+c0    a0+a1    b1+b2
//   step 2      b        c        a           (complete)
//   step 3      a        b        c
//
// Order of addition: chunk c is ((x[c] + x[c+1]) + x[c+2]) + ..., ranks modulo N.
namespace laconic::allreduce {

void ring(Transport& transport, MutFloats vector, Tag tag, Scratch& scratch) {
  const int ranks = transport.size(), rank = transport.rank();
  if (ranks == 1 || vector.empty()) return;
  const int right = (rank + 1) % ranks, left = (rank + ranks - 1) % ranks;
  const auto part_of = [&](int c) {
    return part(vector, chunk(vector.size(), ranks, (c + 2 * ranks) % ranks));
  };
  const Scratch::Scope scope(scratch);
  const MutFloats room = scratch.take<float>(part_of(0).size());  // the first is the longest

  for (int step = 0; step < ranks - 1; ++step) {
    const MutFloats sum = part_of(rank - step - 1);
    const MutFloats incoming = room.first(sum.size());
    send_receive(transport, right, part_of(rank - step), left, incoming, tag);
    add(incoming, sum);
  }
  for (int step = 0; step < ranks - 1; ++step)
    send_receive(transport, right, part_of(rank + 1 - step), left, part_of(rank - step), tag);
}

/// All chunks but the next rank's, then all chunks but that of the one after it.
std::size_t ring_bytes(std::size_t floats, std::size_t ranks, std::size_t rank) {
  const std::size_t kept = chunk(floats, ranks, (rank + 1) % ranks).count +
                           chunk(floats, ranks, (rank + 2) % ranks).count;
  return (2 * floats - kept) * sizeof(float);
}

Cost ring_cost(std::size_t floats, const Topology& topology) {
  const auto ranks = static_cast<std::size_t>(topology.ranks);
  if (ranks == 1 || floats == 0) return {};
  Cost cost;
  cost.messages = 2 * (ranks - 1);
  cost.bytes_mean =
      static_cast<double>(2 * (ranks - 1) * floats * sizeof(float)) / static_cast<double>(ranks);
  for (std::size_t r = 0; r < ranks; ++r)
    cost.bytes_busiest = std::max(cost.bytes_busiest, ring_bytes(floats, ranks, r));
  return cost;
}

}  // namespace laconic::allreduce
