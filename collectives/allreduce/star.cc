#include <vector>

#include "collectives/allreduce/algorithms.h"
#include "collectives/allreduce/steps.h"

// Star: two messages one after the other, whatever the number of ranks, for N - 1 vectors each way
// over the hub's link. Wins where latency is what costs (Li et al., "TPI-LLM", 2024, §4: the hub
// sums what everyone pushes, and pushes the sum).
//
// Rank 0 is the hub, and has working memory for N - 1 vectors: all of them are on their way at
// once.
//
// Order of addition: rank order.
namespace laconic::allreduce {
namespace {

constexpr int kHub = 0;

void run_hub(Transport& transport, MutFloats vector, Tag tag, Scratch& scratch) {
  const std::size_t count = vector.size();
  const Scratch::Scope scope(scratch);
  const MutFloats theirs = scratch.take<float>(count * (transport.size() - 1));
  const auto of_rank = [&](int r) { return theirs.subspan(count * (r - 1), count); };
  std::vector<Ticket> receives, sends;
  for (int r = 1; r < transport.size(); ++r)
    receives.push_back(transport.post_receive(r, tag, std::as_writable_bytes(of_rank(r))));
  for (int r = 1; r < transport.size(); ++r) {
    finish_receive(transport, receives[r - 1], of_rank(r));
    add(of_rank(r), vector);
  }
  for (int r = 1; r < transport.size(); ++r)
    sends.push_back(transport.post_send(r, tag, std::as_bytes(vector)));
  for (const Ticket send : sends) transport.wait(send);
}

}  // namespace

void star(Transport& transport, MutFloats vector, Tag tag, Scratch& scratch) {
  if (transport.size() == 1 || vector.empty()) return;
  if (transport.rank() == kHub) {
    run_hub(transport, vector, tag, scratch);
  } else {
    send(transport, kHub, vector, tag);
    receive(transport, kHub, vector, tag);
  }
}

Cost star_cost(std::size_t floats, const Topology& topology) {
  if (topology.ranks == 1 || floats == 0) return {};
  const std::size_t others = topology.ranks - 1;
  const std::size_t bytes = floats * sizeof(float);
  return {.messages = 2,
          .bytes_mean = static_cast<double>(2 * others * bytes) / topology.ranks,
          .bytes_busiest = others * bytes};
}

}  // namespace laconic::allreduce
