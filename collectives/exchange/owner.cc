#include <algorithm>

#include "collectives/chunk.h"
#include "collectives/exchange/frames.h"
#include "collectives/exchange/kinds.h"
#include "collectives/exchange/lossy_leg.h"

// Owner: every bucket is cut into one shard a rank, which that rank owns. Each rank compresses its
// part of every shard and sends it to the owner; the owner adds the frames up in rank order,
// compresses their mean with a residual of its own, and sends that one frame to all. Compressed
// both ways without a server, and the load is the same on every link. All ranks apply the owners'
// frames, an owner its own too: hence the same bits on every rank. Owners serve rounds in which
// they take no part.
//
// Cost, N ranks that all take part: two messages on the critical path; a rank sends and receives
// N - 1 frames of a shard on each leg, together (N - 1)/N of two frames of the bucket, whatever N.
namespace laconic {
namespace {

enum Stage : std::size_t { kUp, kDown, kDecode, kStages };

/// The part of a bucket that a rank owns; empty for some where a bucket has fewer elements than
/// there are ranks, and then nothing is sent of it.
Slice shard(Slice bucket, int ranks, int owner) {
  const Slice inside =
      chunk(bucket.count, static_cast<std::size_t>(ranks), static_cast<std::size_t>(owner));
  return {bucket.begin + inside.begin, inside.count};
}

std::vector<Slice> shards_of(std::span<const Slice> buckets, int ranks, int owner) {
  std::vector<Slice> shards;
  for (const Slice bucket : buckets)
    if (const Slice s = shard(bucket, ranks, owner); s.count > 0) shards.push_back(s);
  return shards;
}

std::vector<Slice> all_shards(std::span<const Slice> buckets, int ranks) {
  std::vector<Slice> shards;
  for (int owner = 0; owner < ranks; ++owner) {
    const auto own = shards_of(buckets, ranks, owner);
    shards.insert(shards.end(), own.begin(), own.end());
  }
  return shards;
}

class Owner final : public Stages {
 public:
  Owner(const ExchangeOptions& options, Transport& transport, std::span<const Slice> buckets)
      : Owner(options, transport, all_shards(buckets, transport.size()),
              shards_of(buckets, transport.size(), transport.rank())) {}

  std::size_t count() const override { return kStages; }
  std::size_t in_flight() const override { return kBucketsInFlight; }

  void run(std::size_t stage, Flight& flight, const Round& round) override {
    if (stage == kUp) send_up(flight, round);
    if (stage == kDown) send_down(flight, round);
    if (stage == kDecode) decode(flight, round);
  }

  void save(StateWriter& writer) const override { up_.save(writer), down_.save(writer); }
  void load(StateReader& reader) override { up_.load(reader), down_.load(reader); }
  FeedbackNorms feedback_norms() const override { return up_.norms(); }
  void release(MutFloats into) override {
    up_.release(1, into);
    down_.release(ranks_, into);
  }

 private:
  Owner(const ExchangeOptions& options, Transport& transport, const std::vector<Slice>& all,
        const std::vector<Slice>& own)
      : ranks_(transport.size()),
        up_tag_{options.channel, Purpose::frame},
        down_tag_{static_cast<std::uint16_t>(options.channel + 1), Purpose::frame},
        up_(LossyLeg::Way::up, options, all, all),
        down_(LossyLeg::Way::down, options, all, own),
        sent_ups_(kBucketsInFlight, static_cast<std::size_t>(ranks_), up_.room()),
        ups_(kBucketsInFlight, static_cast<std::size_t>(ranks_), up_.room()),
        downs_(kBucketsInFlight, static_cast<std::size_t>(ranks_), down_.room()),
        own_(kBucketsInFlight) {}

  void send_up(Flight& flight, const Round& round);
  void send_down(Flight& flight, const Round& round);
  void decode(Flight& flight, const Round& round);

  const int ranks_;
  const Tag up_tag_, down_tag_;
  LossyLeg up_, down_;
  Frames sent_ups_, ups_, downs_;  // this rank's, by owner; of its shard, by rank; by owner

  struct Own {
    std::vector<Bytes> ups;  // by owner
    Bytes down;
  };
  std::vector<Own> own_;  // by slot: the frames that this rank wrote
  Scratch scratch_;
};

void Owner::send_up(Flight& flight, const Round& round) {
  const std::size_t slot = flight.slot();
  const int me = round.rank();
  if (shard(flight.bucket(), ranks_, me).count > 0)
    for (const int r : round.participants())
      if (r != me) flight.receive(r, up_tag_, ups_.at(slot, r), kDown);
  auto& ups = own_[slot].ups;
  ups.assign(static_cast<std::size_t>(ranks_), {});
  // Each rank begins with another owner, so that no link has to carry all at once.
  for (int i = 1; i <= ranks_; ++i) {
    const int owner = (me + i) % ranks_;
    const Slice where = shard(flight.bucket(), ranks_, owner);
    if (where.count == 0) continue;
    if (owner != me) flight.receive(owner, down_tag_, downs_.at(slot, owner), kDecode);
    if (!round.takes_part()) continue;
    Bytes& frame = ups[static_cast<std::size_t>(owner)];
    {
      const auto timed = flight.time(Activity::compress);
      frame =
          up_.encode(part(Floats(round.vector()), where), where, round, sent_ups_.at(slot, owner));
    }
    if (owner != me) flight.send(owner, up_tag_, frame);
  }
}

void Owner::send_down(Flight& flight, const Round& round) {
  const int me = round.rank();
  const Slice where = shard(flight.bucket(), ranks_, me);
  if (where.count == 0) return;
  Own& own = own_[flight.slot()];
  Scratch::Scope scope(scratch_);
  const auto mean = scratch_.take<float>(where.count);
  {
    const auto timed = flight.time(Activity::decode);
    average(frames_by_rank(flight, kDown, round, own.ups[static_cast<std::size_t>(me)]),
            up_.compressor(round), mean);
  }
  {
    const auto timed = flight.time(Activity::compress);
    own.down = down_.encode(mean, where, round, downs_.at(flight.slot(), me));
  }
  for (int i = 1; i < ranks_; ++i) flight.send((me + i) % ranks_, down_tag_, own.down);
}

void Owner::decode(Flight& flight, const Round& round) {
  const auto timed = flight.time(Activity::decode);
  const Own& own = own_[flight.slot()];
  for (int owner = 0; owner < ranks_; ++owner) {
    const Slice where = shard(flight.bucket(), ranks_, owner);
    if (where.count == 0) continue;
    const Bytes average = owner == round.rank() ? own.down : flight.received(owner, kDecode);
    round.landing().land(average, down_.compressor(round), where);
    if (!round.sent().empty())
      decode_own(own.ups[static_cast<std::size_t>(owner)], up_.compressor(round), round,
                 part(round.sent(), where));
  }
}

}  // namespace

std::unique_ptr<Stages> make_owner(const ExchangeOptions& options, Transport& transport,
                                   std::span<const Slice> buckets) {
  return std::make_unique<Owner>(options, transport, buckets);
}

}  // namespace laconic
