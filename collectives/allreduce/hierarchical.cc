#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "collectives/allreduce/algorithms.h"
#include "collectives/allreduce/steps.h"
#include "collectives/chunk.h"
#include "collectives/subgroup.h"

// Hierarchical: one rank a machine, its lowest, speaks for all of them over the wire, so that the
// wire carries as if there were one rank a machine (Jia et al., "Highly Scalable Deep Learning
// Training System with Mixed-Precision", 2018, §3.3). Between the leaders goes a ring or a star.
//
// Within a machine nothing is sent where ranks reach each other's memory: they tell each other
// where their vectors are, and each adds up a chunk of all of them, straight from where they stand.
// On a single machine it puts the sum straight into all of them, which moves no more memory than if
// every rank copied its vector once; on several into the leader's, from which all copy in the end.
// Where memory is not shared, vectors are sent to the leader and back.
//
// Either all ranks of a machine have their vectors where others reach them, or none has.
//
// Order of addition: within a machine rank order; then the ring's or the star's, of machines in the
// order of their leaders.
namespace laconic::allreduce {
namespace {

using Between = void (*)(Transport& transport, MutFloats vector, Tag tag, Scratch& scratch);

/// The ranks of a machine by machine, those in order of their lowest ranks.
std::vector<std::vector<int>> machines_of(const Topology& topology) {
  std::vector<std::vector<int>> machines;
  const auto same = [&](int a, int b) {
    return !topology.hosts.empty() && topology.hosts[a] == topology.hosts[b];
  };
  for (int r = 0; r < topology.ranks; ++r) {
    const auto found = std::find_if(machines.begin(), machines.end(),
                                    [&](const auto& ranks) { return same(ranks.front(), r); });
    (found == machines.end() ? machines.emplace_back() : *found).push_back(r);
  }
  return machines;
}

constexpr std::size_t kBlock = 4096;  // floats: what a core has at hand

/// What a rank says of its vector: one byte longer than the place, so that a rank that expects
/// floats notices.
using PlaceBytes = std::array<std::byte, sizeof(SharedMemory::Place) + 1>;

/// What was borrowed of others, until it goes: also where the group dies in between.
class Borrowed {
 public:
  explicit Borrowed(SharedMemory& memory) : memory_(memory) {}
  ~Borrowed() {
    for (const int peer : peers_) memory_.give_back(peer);
  }
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;

  MutFloats of(int peer, SharedMemory::Place place, Slice part) {
    peers_.reserve(peers_.size() + 1);
    const MutBytes bytes =
        memory_.borrow(peer, place + part.begin * sizeof(float), part.count * sizeof(float));
    peers_.push_back(peer);
    return {reinterpret_cast<float*>(bytes.data()), part.count};
  }

 private:
  SharedMemory& memory_;
  std::vector<int> peers_;
};

/// The ranks of a machine, as one of them sees it.
class Machine {
 public:
  Machine(Transport& transport, std::vector<int> ranks, Tag tag)
      : transport_(transport), ranks_(std::move(ranks)), tag_{tag.channel, Purpose::control} {}

  int leader() const { return ranks_.front(); }
  bool leads() const { return transport_.rank() == leader(); }

  /// The sum of all vectors, in each of them or in the leader's alone. Returns when this rank's own
  /// vector is no longer looked at, the leader when the sum is complete.
  void sum(MutFloats vector, bool for_all) {
    exchange_places(vector);
    add_up(vector, for_all);
    if (for_all)
      meet_all();
    else
      tell_leader();
  }

  /// The leader's vector to all others.
  void spread(MutFloats vector) {
    tell_others();
    if (!leads()) {
      Borrowed borrowed(*transport_.shared_memory());
      const auto theirs = borrowed.of(leader(), places_.front(), {0, vector.size()});
      std::copy(theirs.begin(), theirs.end(), vector.begin());
    }
    tell_leader();
  }

 private:
  void exchange_places(Floats vector) {
    PlaceBytes mine{};
    const auto place = transport_.shared_memory()->place_of(std::as_bytes(vector));
    std::memcpy(mine.data(), &*place, sizeof *place);
    std::vector<PlaceBytes> theirs(ranks_.size());
    std::vector<Ticket> tickets;
    for (std::size_t i = 0; i < ranks_.size(); ++i)
      if (ranks_[i] != transport_.rank())
        tickets.push_back(transport_.post_receive(ranks_[i], tag_, theirs[i]));
    for (const int rank : ranks_)
      if (rank != transport_.rank()) tickets.push_back(transport_.post_send(rank, tag_, mine));
    for (const Ticket ticket : tickets) transport_.wait(ticket);
    places_.resize(ranks_.size());
    for (std::size_t i = 0; i < ranks_.size(); ++i)
      std::memcpy(&places_[i], theirs[i].data(), sizeof places_[i]);
  }

  /// This rank's chunk of the sum.
  void add_up(MutFloats vector, bool for_all) {
    const auto here = static_cast<std::size_t>(
        std::find(ranks_.begin(), ranks_.end(), transport_.rank()) - ranks_.begin());
    const Slice mine = chunk(vector.size(), ranks_.size(), here);
    Borrowed borrowed(*transport_.shared_memory());
    std::vector<MutFloats> all;
    for (std::size_t i = 0; i < ranks_.size(); ++i)
      all.push_back(i == here ? part(vector, mine) : borrowed.of(ranks_[i], places_[i], mine));
    const auto sums = std::span(all).first(for_all ? all.size() : 1);
    std::array<float, kBlock> block;
    for (std::size_t begin = 0; begin < mine.count; begin += kBlock) {
      const Slice piece{begin, std::min(kBlock, mine.count - begin)};
      const MutFloats sum = std::span(block).first(piece.count);
      const MutFloats first = part(all.front(), piece);
      std::copy(first.begin(), first.end(), sum.begin());
      for (std::size_t i = 1; i < all.size(); ++i) add(part(all[i], piece), sum);
      for (const MutFloats& to : sums) std::copy(sum.begin(), sum.end(), part(to, piece).begin());
    }
  }

  void meet_all() { exchange_nothing(ranks_, ranks_); }
  void tell_leader() {
    if (leads())
      exchange_nothing({}, ranks_);
    else
      exchange_nothing({leader()}, {});
  }
  void tell_others() {
    if (leads())
      exchange_nothing(ranks_, {});
    else
      exchange_nothing({}, {leader()});
  }

  void exchange_nothing(const std::vector<int>& to, const std::vector<int>& from) {
    std::vector<Ticket> tickets;
    for (const int rank : from)
      if (rank != transport_.rank()) tickets.push_back(transport_.post_receive(rank, tag_, {}));
    for (const int rank : to)
      if (rank != transport_.rank()) tickets.push_back(transport_.post_send(rank, tag_, {}));
    for (const Ticket ticket : tickets) transport_.wait(ticket);
  }

  Transport& transport_;
  const std::vector<int> ranks_;
  const Tag tag_;
  std::vector<SharedMemory::Place> places_;
};

/// Sums by messages to the leader, and back.
class Star {
 public:
  Star(Transport& transport, const std::vector<int>& ranks, Tag tag)
      : transport_(transport), ranks_(ranks), tag_(tag) {}

  void sum(MutFloats vector, Scratch& scratch) {
    if (transport_.rank() != ranks_.front()) return send(transport_, ranks_.front(), vector, tag_);
    const Scratch::Scope scope(scratch);
    const std::size_t count = vector.size();
    const MutFloats theirs = scratch.take<float>(count * (ranks_.size() - 1));
    std::vector<Ticket> receives;
    for (std::size_t i = 1; i < ranks_.size(); ++i)
      receives.push_back(transport_.post_receive(
          ranks_[i], tag_, std::as_writable_bytes(theirs.subspan(count * (i - 1), count))));
    for (std::size_t i = 0; i < receives.size(); ++i) {
      const MutFloats summand = theirs.subspan(count * i, count);
      finish_receive(transport_, receives[i], summand);
      add(summand, vector);
    }
  }

  void spread(MutFloats vector) {
    if (transport_.rank() != ranks_.front())
      return receive(transport_, ranks_.front(), vector, tag_);
    std::vector<Ticket> sends;
    for (std::size_t i = 1; i < ranks_.size(); ++i)
      sends.push_back(transport_.post_send(ranks_[i], tag_, std::as_bytes(vector)));
    for (const Ticket ticket : sends) transport_.wait(ticket);
  }

 private:
  Transport& transport_;
  const std::vector<int>& ranks_;
  const Tag tag_;
};

void run(Between between, Transport& transport, MutFloats vector, Tag tag, Scratch& scratch) {
  if (transport.size() == 1 || vector.empty()) return;
  const Topology topology = topology_of(transport, vector);
  std::vector<int> here, leaders;
  for (const std::vector<int>& ranks : machines_of(topology)) {
    leaders.push_back(ranks.front());
    if (std::find(ranks.begin(), ranks.end(), transport.rank()) != ranks.end()) here = ranks;
  }
  const bool alone = here.size() == 1, leads = here.front() == transport.rank();
  Machine machine(transport, here, tag);
  Star star(transport, here, tag);
  if (!alone && topology.shared_memory)
    machine.sum(vector, leaders.size() == 1);
  else if (!alone)
    star.sum(vector, scratch);
  if (leads && leaders.size() > 1) between(*subgroup(transport, leaders), vector, tag, scratch);
  if (alone || (topology.shared_memory && leaders.size() == 1)) return;
  if (topology.shared_memory)
    machine.spread(vector);
  else
    star.spread(vector);
}

// ----------------------------------------------------------------------------------------- cost

/// What goes on between so many leaders: bytes that each sends, and how many messages after it
/// began, by how many each began late, each ends.
struct BetweenCost {
  std::size_t (*bytes)(std::size_t floats, std::size_t leaders, std::size_t leader);
  std::vector<std::size_t> (*ends)(const std::vector<std::size_t>& begins);
};

/// A ring hears of each leader after as many messages as it stands away, and of most once more a
/// whole turn later, before the 2 (M - 1) messages of each are over.
std::vector<std::size_t> ring_ends(const std::vector<std::size_t>& begins) {
  const std::size_t leaders = begins.size();
  std::vector<std::size_t> ends = begins;
  for (std::size_t r = 0; r < leaders; ++r)
    for (std::size_t away = 0; away < leaders; ++away) {
      const std::size_t again = away + leaders <= 2 * (leaders - 1) ? leaders : 0;
      ends[r] = std::max(ends[r], begins[(r + leaders - away) % leaders] + away + again);
    }
  return ends;
}

std::size_t star_bytes(std::size_t floats, std::size_t leaders, std::size_t leader) {
  return floats * sizeof(float) * (leader == 0 ? leaders - 1 : 1);
}

std::vector<std::size_t> star_ends(const std::vector<std::size_t>& begins) {
  if (begins.size() == 1) return begins;
  const std::size_t latest = *std::max_element(begins.begin() + 1, begins.end());
  const std::size_t hub = std::max(begins.front(), latest + 1);
  std::vector<std::size_t> ends(begins.size(), hub + 1);
  ends.front() = hub;
  return ends;
}

/// A leader in shared memory hears where the vectors are, that the sum is complete, and in the end
/// that all have copied it; otherwise it has the others' vectors, and sends the sum.
Cost cost(const BetweenCost& between, std::size_t floats, const Topology& topology) {
  if (topology.ranks == 1 || floats == 0) return {};
  const auto machines = machines_of(topology);
  const bool shared = topology.shared_memory;
  if (machines.size() == 1 && shared) {
    const std::size_t bytes = (machines.front().size() - 1) * sizeof(PlaceBytes);
    return {.messages = 2, .bytes_mean = static_cast<double>(bytes), .bytes_busiest = bytes};
  }
  std::vector<std::size_t> begins;
  for (const auto& ranks : machines) begins.push_back(ranks.size() == 1 ? 0 : shared ? 2 : 1);
  const auto ends = between.ends(begins);
  Cost cost;
  std::size_t all = 0;
  for (std::size_t m = 0; m < machines.size(); ++m) {
    const std::size_t others = machines[m].size() - 1;
    const std::size_t places = others * sizeof(PlaceBytes), whole = floats * sizeof(float);
    const std::size_t of_member = shared ? places : whole;
    const std::size_t of_leader =
        (machines.size() > 1 ? between.bytes(floats, machines.size(), m) : 0) +
        (shared ? places : others * whole);
    all += of_leader + others * of_member;
    cost.bytes_busiest = std::max({cost.bytes_busiest, of_leader, others > 0 ? of_member : 0});
    cost.messages = std::max(cost.messages, ends[m] + (others == 0 ? 0 : shared ? 2 : 1));
  }
  cost.bytes_mean = static_cast<double>(all) / topology.ranks;
  return cost;
}

}  // namespace

void hierarchical(Transport& transport, MutFloats vector, Tag tag, Scratch& scratch) {
  run(ring, transport, vector, tag, scratch);
}
Cost hierarchical_cost(std::size_t floats, const Topology& topology) {
  return cost({ring_bytes, ring_ends}, floats, topology);
}

void hierarchical_star(Transport& transport, MutFloats vector, Tag tag, Scratch& scratch) {
  run(star, transport, vector, tag, scratch);
}
Cost hierarchical_star_cost(std::size_t floats, const Topology& topology) {
  return cost({star_bytes, star_ends}, floats, topology);
}

}  // namespace laconic::allreduce
