#include <algorithm>
#include <vector>

#include "collectives/allreduce/algorithms.h"
#include "collectives/allreduce/steps.h"
#include "collectives/chunk.h"

// Halving-doubling: as few bytes as a ring in 2 log N messages one after the other, where N is a
// power of two (Rabenseifner, "Optimization of collective reduction operations", ICCS 2004).
//
// Let P be the largest power of two within N. Ranks P and above are guests: they hand their vector
// to rank - P and get the sum back at the end, which costs two whole vectors more. Ranks below P
// swap halves with partners at distance 1, 2, 4, ... P / 2: the one with the lower rank keeps the
// first half of what both still have, adds the other's to it, and gives the second half away. Each
// ends up with 1/P of the sum; then the same partners, in opposite order, give each other what they
// have.
//
// Order of addition: a guest's vector to its host's, then a balanced tree over the ranks below P.
namespace laconic::allreduce {
namespace {

/// What a rank keeps of `whole` when it meets its partner at `distance`, and what it gives away.
struct Halves {
  Slice kept, given;
};

Halves halves_of(Slice whole, int rank, int distance) {
  Slice first = chunk(whole.count, 2, 0), second = chunk(whole.count, 2, 1);
  first.begin += whole.begin, second.begin += whole.begin;
  return (rank & distance) == 0 ? Halves{first, second} : Halves{second, first};
}

/// The halves of each meeting in turn.
std::vector<Halves> meetings_of(int rank, int core, std::size_t floats) {
  std::vector<Halves> meetings;
  Slice whole{0, floats};
  for (int distance = 1; distance < core; distance *= 2) {
    meetings.push_back(halves_of(whole, rank, distance));
    whole = meetings.back().kept;
  }
  return meetings;
}

void run_core(Transport& transport, MutFloats vector, Tag tag, MutFloats room) {
  const int rank = transport.rank();
  const auto meetings =
      meetings_of(rank, power_of_two_within(transport.size()).value, vector.size());
  for (std::size_t i = 0; i < meetings.size(); ++i) {
    const int partner = rank ^ (1 << i);
    const MutFloats kept = part(vector, meetings[i].kept), theirs = room.first(kept.size());
    send_receive(transport, partner, part(vector, meetings[i].given), partner, theirs, tag);
    add(theirs, kept);
  }
  for (std::size_t i = meetings.size(); i-- > 0;) {
    const int partner = rank ^ (1 << i);
    send_receive(transport, partner, part(vector, meetings[i].kept), partner,
                 part(vector, meetings[i].given), tag);
  }
}

}  // namespace

void halving_doubling(Transport& transport, MutFloats vector, Tag tag, Scratch& scratch) {
  const int ranks = transport.size(), rank = transport.rank();
  if (ranks == 1 || vector.empty()) return;
  const int core = power_of_two_within(ranks).value;
  if (rank >= core) {
    send(transport, rank - core, vector, tag);
    receive(transport, rank - core, vector, tag);
    return;
  }
  const Scratch::Scope scope(scratch);
  const MutFloats room = scratch.take<float>(vector.size());
  const bool has_guest = rank + core < ranks;
  if (has_guest) {
    receive(transport, rank + core, room, tag);
    add(room, vector);
  }
  run_core(transport, vector, tag, room);
  if (has_guest) send(transport, rank + core, vector, tag);
}

/// A core rank sends what it gives away, and later what it kept. The longest way is from a guest
/// over its host to the opposite rank, and all the way back.
Cost halving_doubling_cost(std::size_t floats, const Topology& topology) {
  if (topology.ranks == 1 || floats == 0) return {};
  const PowerOfTwo core = power_of_two_within(topology.ranks);
  const int guests = topology.ranks - core.value;
  Cost cost;
  cost.messages = 2 * core.exponent + (guests > 0 ? 2 : 0);
  std::size_t all = guests * floats;
  for (int r = 0; r < core.value; ++r) {
    std::size_t sent = r < guests ? floats : 0;
    for (const Halves& halves : meetings_of(r, core.value, floats))
      sent += halves.given.count + halves.kept.count;
    all += sent;
    cost.bytes_busiest = std::max(cost.bytes_busiest, sent * sizeof(float));
  }
  cost.bytes_mean = static_cast<double>(all * sizeof(float)) / topology.ranks;
  return cost;
}

}  // namespace laconic::allreduce
