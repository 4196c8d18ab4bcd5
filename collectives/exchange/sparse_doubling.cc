#include <algorithm>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "collectives/allreduce/steps.h"
#include "collectives/exchange/frames.h"
#include "collectives/exchange/kinds.h"
#include "collectives/exchange/lossy_leg.h"

// Sparse recursive doubling (the sparse allreduce of Renggli et al., SparCML, SC 2019): every rank
// selects coordinates, and in round k swaps what it has with the rank whose number differs in bit
// k; the two lists are merged, equal indices added. A list goes as whatever is smallest: when it
// has filled up, as all floats without an index. Ranks beyond the largest power of two hand theirs
// to one below it first and get the sum at the end.
//
// Merged values travel as floats, exactly, and of two summands either may be first: hence the same
// bits on every rank. A rank begins with its own frame, decoded like everybody else's.
//
// Cost, N = 2^e ranks: e messages on the critical path; a rank sends e lists, of k, up to 2k, ...
// up to (N/2) k coordinates. For small k on slow links with few ranks who agree on what is large.
namespace laconic {
namespace {

const Sparsifier& sparsifier(const Compressor& compressor) {
  return dynamic_cast<const Sparsifier&>(compressor);
}

/// a += b
void merge(SparseList& a, const SparseList& b, SparseList& room) {
  room.indices.clear(), room.values.clear();
  const auto push = [&](std::uint32_t index, float value) {
    room.indices.push_back(index), room.values.push_back(value);
  };
  std::size_t i = 0, j = 0;
  while (i < a.indices.size() || j < b.indices.size()) {
    if (j == b.indices.size() || (i < a.indices.size() && a.indices[i] < b.indices[j])) {
      push(a.indices[i], a.values[i]), ++i;
    } else if (i == a.indices.size() || b.indices[j] < a.indices[i]) {
      push(b.indices[j], b.values[j]), ++j;
    } else {
      push(a.indices[i], a.values[i] + b.values[j]), ++i, ++j;
    }
  }
  std::swap(a, room);
}

/// All coordinates, with zeros for those that are not there.
void fill(SparseList& list, std::size_t count, SparseList& room) {
  room.indices.resize(count), room.values.assign(count, 0);
  for (std::size_t i = 0; i < count; ++i) room.indices[i] = static_cast<std::uint32_t>(i);
  for (std::size_t i = 0; i < list.indices.size(); ++i)
    room.values[list.indices[i]] = list.values[i];
  std::swap(list, room);
}

class SparseDoubling final : public Stages {
 public:
  SparseDoubling(const ExchangeOptions& options, Transport& transport,
                 std::span<const Slice> buckets)
      : tag_{options.channel, Purpose::frame},
        rank_(transport.rank()),
        core_(allreduce::power_of_two_within(transport.size())),
        extra_(rank_ < core_.value && rank_ + core_.value < transport.size() ? rank_ + core_.value
                                                                             : -1),
        leg_(LossyLeg::Way::up, options, buckets, buckets),
        merged_(make_compressor(TopKOptions{.density = 1}, options.frame)),
        own_(kInFlight, 1, leg_.room()),
        ins_(kInFlight, places(), room(buckets)),
        outs_(kInFlight, places(), room(buckets)),
        lists_(kInFlight),
        sent_(kInFlight) {
    if (!leg_.sparse())
      throw ConfigError("compressor",
                        "one that keeps some coordinates and sends indices, as top_k");
  }

  std::size_t count() const override { return kFirstRound + rounds() + 1; }
  std::size_t in_flight() const override { return kInFlight; }

  void run(std::size_t stage, Flight& flight, const Round& round) override {
    if (stage == kSelect) return select(flight, round);
    if (stage == count() - 1) return decode(flight, round);
    if (!in_core()) return;
    if (stage == kFold) {
      if (extra_ >= 0) take(flight, extra_, stage);
    } else {
      take(flight, rank_ ^ (1 << (stage - kFirstRound)), stage);
    }
    pass_on(flight, round, stage - kFold);
  }

  void save(StateWriter& writer) const override { leg_.save(writer); }
  void load(StateReader& reader) override { leg_.load(reader); }
  FeedbackNorms feedback_norms() const override { return leg_.norms(); }
  void release(MutFloats into) override { leg_.release(1, into); }

 private:
  enum Stage : std::size_t { kSelect, kFold, kFirstRound };
  static constexpr std::size_t kInFlight = 2;  // lists may be long

  bool in_core() const { return rank_ < core_.value; }
  std::size_t rounds() const { return static_cast<std::size_t>(core_.exponent); }
  /// Of frames: one a round, and one between a rank of the core and one beyond it.
  std::size_t places() const { return rounds() + 1; }
  std::size_t room(std::span<const Slice> buckets) const {
    std::size_t most = leg_.room();
    for (const Slice bucket : buckets)
      most = std::max({most, sparsifier(*merged_).max_list_bytes(bucket.count, bucket.count),
                       sparsifier(*merged_).max_list_bytes(bucket.count - 1, bucket.count)});
    return most;
  }

  void select(Flight& flight, const Round& round);
  void take(Flight& flight, int from, std::size_t stage);
  void pass_on(Flight& flight, const Round& round, std::size_t next_round);
  void send(Flight& flight, const Round& round, int to, std::size_t place);
  void decode(Flight& flight, const Round& round);

  const Tag tag_;
  const int rank_;
  const allreduce::PowerOfTwo core_;
  const int extra_;  // whose list this rank takes in and whom it tells the sum; -1: nobody's
  LossyLeg leg_;
  const std::unique_ptr<const Compressor> merged_;
  Frames own_, ins_, outs_;
  std::vector<SparseList> lists_;  // by slot: what this rank has so far
  std::vector<SparseList> sent_;   // by slot: what it began with
  SparseList theirs_, room_;
  Scratch scratch_;
};

void SparseDoubling::select(Flight& flight, const Round& round) {
  const std::size_t slot = flight.slot();
  SparseList& list = lists_[slot];
  {
    const auto timed = flight.time(Activity::compress);
    list.indices.clear(), list.values.clear();
    if (round.takes_part()) {
      const Bytes own = leg_.encode(part(Floats(round.vector()), flight.bucket()), flight.bucket(),
                                    round, own_.at(slot, 0));
      sparsifier(leg_.compressor(round)).decode_list(own, flight.bucket().count, list);
    }
    sent_[slot] = list;
  }
  const int last = static_cast<int>(rounds());
  if (!in_core()) {
    flight.receive(rank_ - core_.value, tag_, ins_.at(slot, last), count() - 1);
    send(flight, round, rank_ - core_.value, rounds());
  } else if (extra_ >= 0) {
    flight.receive(extra_, tag_, ins_.at(slot, last), kFold);
  }
}

void SparseDoubling::take(Flight& flight, int from, std::size_t stage) {
  const auto timed = flight.time(Activity::decode);
  sparsifier(*merged_).decode_list(flight.received(from, stage), flight.bucket().count, theirs_);
  merge(lists_[flight.slot()], theirs_, room_);
}

/// To the partner of the next round, whose list then is waited for; after the last one to the rank
/// beyond the core.
void SparseDoubling::pass_on(Flight& flight, const Round& round, std::size_t next_round) {
  if (next_round == rounds()) {
    if (extra_ >= 0) send(flight, round, extra_, rounds());
    return;
  }
  const int partner = rank_ ^ (1 << next_round);
  flight.receive(partner, tag_, ins_.at(flight.slot(), static_cast<int>(next_round)),
                 kFirstRound + next_round);
  send(flight, round, partner, next_round);
}

void SparseDoubling::send(Flight& flight, const Round& round, int to, std::size_t place) {
  SparseList& list = lists_[flight.slot()];
  const std::size_t count = flight.bucket().count;
  const MutBytes frame = outs_.at(flight.slot(), static_cast<int>(place));
  std::size_t bytes = 0;
  {
    const auto timed = flight.time(Activity::compress);
    const Sparsifier& format = sparsifier(*merged_);
    if (list.indices.size() < count &&
        format.max_list_bytes(list.indices.size(), count) > format.max_list_bytes(count, count))
      fill(list, count, room_);
    bytes = format.encode_list(list, count, frame,
                               round.site(RngPurpose::compress, flight.bucket(), scratch_));
  }
  flight.send(to, tag_, Bytes(frame).first(bytes));
}

void SparseDoubling::decode(Flight& flight, const Round& round) {
  const auto timed = flight.time(Activity::decode);
  const std::size_t slot = flight.slot();
  SparseList& sum = lists_[slot];
  if (!in_core())
    sparsifier(*merged_).decode_list(flight.received(rank_ - core_.value, count() - 1),
                                     flight.bucket().count, sum);
  const auto scatter = [](const SparseList& list, float factor, MutFloats out) {
    std::fill(out.begin(), out.end(), 0.0f);
    for (std::size_t i = 0; i < list.indices.size(); ++i)
      out[list.indices[i]] = factor * list.values[i];
  };
  scatter(sum, 1 / static_cast<float>(round.participants().size()),
          part(round.vector(), flight.bucket()));
  if (!round.sent().empty()) scatter(sent_[slot], 1, part(round.sent(), flight.bucket()));
}

}  // namespace

std::unique_ptr<Stages> make_sparse_doubling(const ExchangeOptions& options, Transport& transport,
                                             std::span<const Slice> buckets) {
  return std::make_unique<SparseDoubling>(options, transport, buckets);
}

}  // namespace laconic
