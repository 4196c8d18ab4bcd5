#include <algorithm>
#include <vector>

#include "collectives/allreduce/algorithms.h"
#include "collectives/allreduce/steps.h"

// Tree: sums flow up a tree and the total flows down. Depth instead of N messages one after the
// other, and no rank sends or receives more than fan-out + 1 vectors.
//
// Ranks stand as in a heap: the children of r are k r + 1 ... k r + k, as far as there are ranks,
// and its parent is (r - 1) / k.
//
// Order of addition: own vector, then the children's sums in rank order.
namespace laconic::allreduce {
namespace {

struct Children {
  int begin, end;
  int count() const { return end - begin; }
};

Children children_of(int rank, int ranks, int fan_out) {
  return {std::min(fan_out * rank + 1, ranks), std::min(fan_out * rank + fan_out + 1, ranks)};
}

void run(int fan_out, Transport& transport, MutFloats vector, Tag tag, Scratch& scratch) {
  const int ranks = transport.size(), rank = transport.rank();
  if (ranks == 1 || vector.empty()) return;
  const Children children = children_of(rank, ranks, fan_out);
  const int parent = (rank - 1) / fan_out;
  const std::size_t count = vector.size();
  const Scratch::Scope scope(scratch);
  const MutFloats theirs = scratch.take<float>(count * children.count());
  const auto of_child = [&](int c) { return theirs.subspan(count * (c - children.begin), count); };
  std::vector<Ticket> tickets;
  for (int c = children.begin; c < children.end; ++c)
    tickets.push_back(transport.post_receive(c, tag, std::as_writable_bytes(of_child(c))));
  for (int c = children.begin; c < children.end; ++c) {
    finish_receive(transport, tickets[c - children.begin], of_child(c));
    add(of_child(c), vector);
  }
  if (rank != 0) {
    send(transport, parent, vector, tag);
    receive(transport, parent, vector, tag);
  }
  tickets.clear();
  for (int c = children.begin; c < children.end; ++c)
    tickets.push_back(transport.post_send(c, tag, std::as_bytes(vector)));
  for (const Ticket ticket : tickets) transport.wait(ticket);
}

Cost cost(int fan_out, std::size_t floats, const Topology& topology) {
  const int ranks = topology.ranks;
  if (ranks == 1 || floats == 0) return {};
  const std::size_t bytes = floats * sizeof(float);
  Cost cost;
  for (int r = ranks - 1; r > 0; r = (r - 1) / fan_out) cost.messages += 2;  // the deepest is last
  cost.bytes_mean = static_cast<double>(2 * (ranks - 1) * bytes) / ranks;
  for (int r = 0; r < ranks; ++r) {
    const int vectors = children_of(r, ranks, fan_out).count() + (r == 0 ? 0 : 1);
    cost.bytes_busiest = std::max(cost.bytes_busiest, vectors * bytes);
  }
  return cost;
}

}  // namespace

void tree(Transport& transport, MutFloats vector, Tag tag, Scratch& scratch) {
  run(2, transport, vector, tag, scratch);
}
Cost tree_cost(std::size_t floats, const Topology& topology) { return cost(2, floats, topology); }

void tree_3(Transport& transport, MutFloats vector, Tag tag, Scratch& scratch) {
  run(3, transport, vector, tag, scratch);
}
Cost tree_3_cost(std::size_t floats, const Topology& topology) { return cost(3, floats, topology); }

}  // namespace laconic::allreduce
