#include <algorithm>
#include <vector>

#include "collectives/allreduce/algorithms.h"
#include "collectives/allreduce/steps.h"
#include "collectives/chunk.h"

// Direct: as few bytes as a ring in two messages one after the other, where all ranks can talk to
// all others at once and small messages cost little.
//
// Rank r owns chunk r. Everyone sends each chunk to its owner (reduce-scatter), who adds them up
// and sends the sum to everyone (allgather).
//
// Order of addition: rank order, in each chunk.
namespace laconic::allreduce {
namespace {

/// All ranks' versions of this rank's chunk, added up where it stands.
void reduce_scatter(Transport& transport, MutFloats vector, Tag tag, Scratch& scratch) {
  const int ranks = transport.size(), rank = transport.rank();
  const auto part_of = [&](int r) { return part(vector, chunk(vector.size(), ranks, r)); };
  const MutFloats own = part_of(rank);
  const Scratch::Scope scope(scratch);
  const MutFloats all = scratch.take<float>(own.size() * ranks);
  const auto of_rank = [&](int r) { return all.subspan(own.size() * r, own.size()); };
  std::vector<Ticket> receives(ranks), sends(ranks);
  for (int r = 0; r < ranks; ++r)
    if (r != rank) receives[r] = transport.post_receive(r, tag, std::as_writable_bytes(of_rank(r)));
  for (const int r : others_after(rank, ranks))
    sends[r] = transport.post_send(r, tag, std::as_bytes(part_of(r)));
  std::copy(own.begin(), own.end(), of_rank(rank).begin());
  for (int r = 0; r < ranks; ++r) {
    if (r != rank) finish_receive(transport, receives[r], of_rank(r));
    if (r == 0)
      std::copy(of_rank(0).begin(), of_rank(0).end(), own.begin());
    else
      add(of_rank(r), own);
  }
  for (int r = 0; r < ranks; ++r)
    if (r != rank) transport.wait(sends[r]);
}

void allgather(Transport& transport, MutFloats vector, Tag tag) {
  const int ranks = transport.size(), rank = transport.rank();
  const auto part_of = [&](int r) { return part(vector, chunk(vector.size(), ranks, r)); };
  std::vector<Ticket> receives(ranks), sends(ranks);
  for (int r = 0; r < ranks; ++r)
    if (r != rank) receives[r] = transport.post_receive(r, tag, std::as_writable_bytes(part_of(r)));
  for (const int r : others_after(rank, ranks))
    sends[r] = transport.post_send(r, tag, std::as_bytes(part_of(rank)));
  for (int r = 0; r < ranks; ++r)
    if (r != rank) {
      finish_receive(transport, receives[r], part_of(r));
      transport.wait(sends[r]);
    }
}

}  // namespace

void direct(Transport& transport, MutFloats vector, Tag tag, Scratch& scratch) {
  if (transport.size() == 1 || vector.empty()) return;
  reduce_scatter(transport, vector, tag, scratch);
  allgather(transport, vector, tag);
}

/// Rank r sends all chunks but its own, and its own to all others. The first one is the longest.
Cost direct_cost(std::size_t floats, const Topology& topology) {
  const auto ranks = static_cast<std::size_t>(topology.ranks);
  if (ranks == 1 || floats == 0) return {};
  const std::size_t longest = chunk(floats, ranks, 0).count;
  return {.messages = 2,
          .bytes_mean = static_cast<double>(2 * (ranks - 1) * floats * sizeof(float)) /
                        static_cast<double>(ranks),
          .bytes_busiest = (floats - longest + (ranks - 1) * longest) * sizeof(float)};
}

}  // namespace laconic::allreduce
