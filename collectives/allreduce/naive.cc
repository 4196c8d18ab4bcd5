#include <algorithm>
#include <vector>

#include "collectives/allreduce/algorithms.h"
#include "collectives/allreduce/steps.h"

// Naive: everyone sends everything to everyone. One message is all there is to wait for, and nobody
// can do with fewer; a rank sends N - 1 vectors for it and needs working memory for N.
//
// Order of addition: rank order.
namespace laconic::allreduce {

void naive(Transport& transport, MutFloats vector, Tag tag, Scratch& scratch) {
  const int ranks = transport.size(), rank = transport.rank();
  if (ranks == 1 || vector.empty()) return;
  const std::size_t count = vector.size();
  const Scratch::Scope scope(scratch);
  const MutFloats all = scratch.take<float>(count * ranks);
  const auto of_rank = [&](int r) { return all.subspan(count * r, count); };
  std::vector<Ticket> receives(ranks), sends(ranks);
  for (int r = 0; r < ranks; ++r)
    if (r != rank) receives[r] = transport.post_receive(r, tag, std::as_writable_bytes(of_rank(r)));
  for (const int r : others_after(rank, ranks))
    sends[r] = transport.post_send(r, tag, std::as_bytes(vector));
  for (int r = 0; r < ranks; ++r)
    if (r != rank) {
      finish_receive(transport, receives[r], of_rank(r));
      transport.wait(sends[r]);
    }
  std::copy(vector.begin(), vector.end(), of_rank(rank).begin());
  std::copy_n(all.begin(), count, vector.begin());
  for (int r = 1; r < ranks; ++r) add(of_rank(r), vector);
}

Cost naive_cost(std::size_t floats, const Topology& topology) {
  if (topology.ranks == 1 || floats == 0) return {};
  const std::size_t bytes = (topology.ranks - 1) * floats * sizeof(float);
  return {.messages = 1, .bytes_mean = static_cast<double>(bytes), .bytes_busiest = bytes};
}

}  // namespace laconic::allreduce
