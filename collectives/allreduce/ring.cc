#include <algorithm>
#include <array>
#include <vector>

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
namespace {

/// From here on a chunk goes in two pieces, each passed on as it comes, so that the links do not
/// stand still while the last bytes of a step arrive and are added.
constexpr std::size_t kLongChunk = std::size_t{16} << 10;  // floats

}  // namespace

// In each step rank r sends chunk r - step and receives the one before it, to send that in the
// next. Receives are posted one step ahead, so that what comes early finds its place. An allgather
// receives into chunks that were sent before; they have left, since what comes is made of them.
void ring(Transport& transport, MutFloats vector, Tag tag, Scratch& scratch) {
  const int ranks = transport.size(), rank = transport.rank();
  if (ranks == 1 || vector.empty()) return;
  const int right = (rank + 1) % ranks, left = (rank + ranks - 1) % ranks;
  const int sums = ranks - 1, steps = 2 * sums;
  const std::size_t longest = chunk(vector.size(), ranks, 0).count;
  const int pieces = longest < kLongChunk ? 1 : 2;
  const auto piece_of = [&](MutFloats floats, int p) {
    return part(floats, chunk(floats.size(), pieces, p));
  };
  const auto received = [&](int step, int p) {
    const int c = (rank - step - 1 + 3 * ranks) % ranks;
    return piece_of(part(vector, chunk(vector.size(), ranks, c)), p);
  };
  const Scratch::Scope scope(scratch);
  const std::array<MutFloats, 2> rooms{scratch.take<float>(longest), scratch.take<float>(longest)};
  const auto incoming = [&](int step, int p) {
    const MutFloats place = received(step, p);
    return step < sums ? piece_of(rooms[step % 2], p).first(place.size()) : place;
  };
  const auto post_receive = [&](int step, int p) {
    return transport.post_receive(left, tag, std::as_writable_bytes(incoming(step, p)));
  };
  const auto post_send = [&](int step, int p) {
    return transport.post_send(right, tag, std::as_bytes(received(step - 1, p)));
  };

  std::array<Ticket, 2> receives{};
  std::vector<Ticket> sends;
  for (int p = 0; p < pieces; ++p) receives[p] = post_receive(0, p);
  for (int p = 0; p < pieces; ++p) sends.push_back(post_send(0, p));
  for (int step = 0; step < steps; ++step)
    for (int p = 0; p < pieces; ++p) {
      const Ticket receive = receives[p];
      if (step + 1 < steps) receives[p] = post_receive(step + 1, p);
      finish_receive(transport, receive, incoming(step, p));
      if (step < sums) add(incoming(step, p), received(step, p));
      if (step + 1 < steps) sends.push_back(post_send(step + 1, p));
    }
  for (const Ticket send : sends) transport.wait(send);
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
