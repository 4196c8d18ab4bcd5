#include <algorithm>
#include <vector>

#include "collectives/exchange/frames.h"
#include "collectives/exchange/kinds.h"
#include "collectives/exchange/lossy_leg.h"

// Hierarchical: dense inside a node, where the wire is memory, and compressed between nodes. The
// lowest rank of each node leads it: it adds up what its node has, in rank order, compresses that
// with a residual of its own, and sends the frame to all other leaders; each adds the frames up in
// the order of nodes and gives the average, as floats, to its node. A node from which nobody takes
// part sends nothing.
//
// What a rank has sent (as Exchange::begin gives it) is the node's, told by its leader; the others
// of the node have sent nothing.
//
// Cost, M nodes of n ranks: three messages on the critical path; a leader sends M - 1 frames of a
// bucket between nodes, whatever n, and n - 1 times its floats within.
namespace laconic {
namespace {

enum Stage : std::size_t { kIn, kBetween, kOut, kApply, kStages };

class Hierarchical final : public Stages {
 public:
  Hierarchical(const HierarchicalOptions& kind, const ExchangeOptions& options,
               Transport& transport, std::span<const Slice> buckets)
      : dense_tag_{options.channel, Purpose::dense},
        frame_tag_{options.channel, Purpose::frame},
        rank_(transport.rank()),
        nodes_(nodes(kind, transport)),
        mine_(node_of(rank_)),
        leg_(LossyLeg::Way::up, options, buckets, leads() ? buckets : std::span<const Slice>{}),
        floats_(kBucketsInFlight, leads() ? node().size() : 1, longest(buckets) * sizeof(float)),
        frames_(kBucketsInFlight, leads() ? nodes_.size() : 0, leg_.room()),
        own_(kBucketsInFlight) {}

  std::size_t count() const override { return kStages; }
  std::size_t in_flight() const override { return kBucketsInFlight; }

  void run(std::size_t stage, Flight& flight, const Round& round) override {
    if (stage == kIn) bring_in(flight, round);
    if (stage == kBetween && leads()) send_between(flight, round);
    if (stage == kOut && leads()) give_out(flight, round);
    if (stage == kApply) apply(flight, round);
  }

  void save(StateWriter& writer) const override { leg_.save(writer); }
  void load(StateReader& reader) override { leg_.load(reader); }
  FeedbackNorms feedback_norms() const override { return leg_.norms(); }
  /// A leader's residual is of a sum over its node.
  void release(MutFloats into) override { leg_.release(1, into); }

 private:
  using Node = std::vector<int>;  // ranks, ascending; the first leads

  static std::vector<Node> nodes(const HierarchicalOptions& kind, const Transport& transport) {
    std::vector<Node> all;
    for (int r = 0; r < transport.size(); ++r) {
      const int node = kind.ranks_per_node > 0 ? r / kind.ranks_per_node : transport.host_of(r);
      all.resize(std::max<std::size_t>(all.size(), static_cast<std::size_t>(node) + 1));
      all[static_cast<std::size_t>(node)].push_back(r);
    }
    return all;
  }
  static std::size_t longest(std::span<const Slice> buckets) {
    std::size_t most = 0;
    for (const Slice bucket : buckets) most = std::max(most, bucket.count);
    return most;
  }
  std::size_t node_of(int rank) const {
    for (std::size_t n = 0; n < nodes_.size(); ++n)
      if (std::find(nodes_[n].begin(), nodes_[n].end(), rank) != nodes_[n].end()) return n;
    return 0;
  }
  const Node& node() const { return nodes_[mine_]; }
  int leader() const { return node().front(); }
  bool leads() const { return rank_ == leader(); }
  static bool takes_part(const Node& node, const Round& round) {
    return std::any_of(node.begin(), node.end(), [&](int r) { return round.takes_part(r); });
  }

  void bring_in(Flight& flight, const Round& round);
  void send_between(Flight& flight, const Round& round);
  void give_out(Flight& flight, const Round& round);
  void apply(Flight& flight, const Round& round);

  const Tag dense_tag_, frame_tag_;
  const int rank_;
  const std::vector<Node> nodes_;
  const std::size_t mine_;
  LossyLeg leg_;
  Frames floats_, frames_;  // of each rank of a leader's node, or the average; by node
  std::vector<Bytes> own_;  // by slot, of leaders
  Scratch scratch_;
};

MutBytes bytes_of(MutFloats values) { return std::as_writable_bytes(values); }

void Hierarchical::bring_in(Flight& flight, const Round& round) {
  const Slice bucket = flight.bucket();
  const std::size_t bytes = bucket.count * sizeof(float);
  if (!leads()) {
    flight.receive(leader(), dense_tag_, floats_.at(flight.slot(), 0).first(bytes), kApply);
    if (round.takes_part())
      flight.send(leader(), dense_tag_, bytes_of(part(round.vector(), bucket)));
    return;
  }
  for (std::size_t i = 1; i < node().size(); ++i)
    if (round.takes_part(node()[i]))
      flight.receive(node()[i], dense_tag_,
                     floats_.at(flight.slot(), static_cast<int>(i)).first(bytes), kBetween);
  for (std::size_t n = 0; n < nodes_.size(); ++n)
    if (n != mine_ && takes_part(nodes_[n], round))
      flight.receive(nodes_[n].front(), frame_tag_, frames_.at(flight.slot(), static_cast<int>(n)),
                     kOut);
}

void Hierarchical::send_between(Flight& flight, const Round& round) {
  if (!takes_part(node(), round)) return;
  const Slice bucket = flight.bucket();
  Scratch::Scope scope(scratch_);
  const auto sum = scratch_.take<float>(bucket.count);
  {
    const auto timed = flight.time(Activity::decode);
    const MutFloats mine = part(round.vector(), bucket);
    if (round.takes_part())
      std::copy(mine.begin(), mine.end(), sum.begin());
    else
      std::fill(sum.begin(), sum.end(), 0.0f);
    for (const int r : node()) {
      if (r == rank_ || !round.takes_part(r)) continue;
      const Bytes theirs = flight.received(r, kBetween);
      const auto* values = reinterpret_cast<const float*>(theirs.data());
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += values[i];
    }
  }
  {
    const auto timed = flight.time(Activity::compress);
    own_[flight.slot()] =
        leg_.encode(sum, bucket, round, frames_.at(flight.slot(), static_cast<int>(mine_)));
  }
  // Each node begins with another, so that no link has to carry all at once.
  for (std::size_t i = 1; i < nodes_.size(); ++i)
    flight.send(nodes_[(mine_ + i) % nodes_.size()].front(), frame_tag_, own_[flight.slot()]);
}

void Hierarchical::give_out(Flight& flight, const Round& round) {
  const Slice bucket = flight.bucket();
  const MutFloats average = part(round.vector(), bucket);
  {
    const auto timed = flight.time(Activity::decode);
    std::vector<Bytes> frames;
    for (std::size_t n = 0; n < nodes_.size(); ++n)
      if (takes_part(nodes_[n], round))
        frames.push_back(n == mine_ ? own_[flight.slot()]
                                    : flight.received(nodes_[n].front(), kOut));
    std::fill(average.begin(), average.end(), 0.0f);
    leg_.compressor(round).decode_add_all(
        frames, 1 / static_cast<float>(round.participants().size()), average);
  }
  for (const int r : node())
    if (r != rank_) flight.send(r, dense_tag_, bytes_of(average));
}

void Hierarchical::apply(Flight& flight, const Round& round) {
  const auto timed = flight.time(Activity::decode);
  const Slice bucket = flight.bucket();
  if (!leads()) {
    const Bytes average = flight.received(leader(), kApply);
    std::copy(average.begin(), average.end(), bytes_of(part(round.vector(), bucket)).begin());
  }
  if (round.sent().empty()) return;
  const MutFloats sent = part(round.sent(), bucket);
  if (leads() && takes_part(node(), round))
    leg_.compressor(round).decode(own_[flight.slot()], sent);
  else
    std::fill(sent.begin(), sent.end(), 0.0f);
}

}  // namespace

std::unique_ptr<Stages> make_hierarchical(const HierarchicalOptions& kind,
                                          const ExchangeOptions& options, Transport& transport,
                                          std::span<const Slice> buckets) {
  return std::make_unique<Hierarchical>(kind, options, transport, buckets);
}

}  // namespace laconic
