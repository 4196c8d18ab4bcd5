#include <algorithm>

#include "base/errors.h"
#include "collectives/exchange/frames.h"
#include "collectives/exchange/kinds.h"
#include "collectives/exchange/lossy_leg.h"

// Star: every rank sends its compressed bucket to a hub, which adds the frames up in rank order,
// compresses their mean with a residual of its own, and sends that one frame to all. What a rank
// applies is the hub's frame, the hub too: hence the same bits on every rank. The hub serves rounds
// in which it takes no part.
//
// Cost, N ranks that all take part: two messages on the critical path. A rank sends and receives
// one frame a bucket, the hub N - 1, so that its link is what bounds.
namespace laconic {
namespace {

enum Stage : std::size_t { kUp, kDown, kDecode, kStages };

class Star final : public Stages {
 public:
  Star(int hub, const ExchangeOptions& options, Transport& transport,
       std::span<const Slice> buckets)
      : ranks_(transport.size()),
        hub_(hub),
        is_hub_(transport.rank() == hub),
        up_tag_{options.channel, Purpose::frame},
        down_tag_{static_cast<std::uint16_t>(options.channel + 1), Purpose::frame},
        up_(LossyLeg::Way::up, options, buckets, buckets),
        down_(LossyLeg::Way::down, options, buckets, is_hub_ ? buckets : std::span<const Slice>{}),
        ups_(kBucketsInFlight, is_hub_ ? static_cast<std::size_t>(transport.size()) : 1,
             up_.room()),
        downs_(kBucketsInFlight, 1, down_.room()),
        own_(kBucketsInFlight),
        sent_down_(kBucketsInFlight) {}

  std::size_t count() const override { return kStages; }
  std::size_t in_flight() const override { return kBucketsInFlight; }

  void run(std::size_t stage, Flight& flight, const Round& round) override {
    if (stage == kUp) send_up(flight, round);
    if (stage == kDown && is_hub_) send_down(flight, round);
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
  void send_up(Flight& flight, const Round& round);
  void send_down(Flight& flight, const Round& round);
  void decode(Flight& flight, const Round& round);

  const int ranks_, hub_;
  const bool is_hub_;
  const Tag up_tag_, down_tag_;
  LossyLeg up_, down_;
  Frames ups_, downs_;      // a frame of each rank on the hub, of this one elsewhere; the hub's
  std::vector<Bytes> own_;  // by slot: the frame that this rank sent
  std::vector<Bytes> sent_down_;  // by slot, on the hub
  Scratch scratch_;
};

void Star::send_up(Flight& flight, const Round& round) {
  const std::size_t slot = flight.slot();
  if (!is_hub_) flight.receive(hub_, down_tag_, downs_.at(slot, 0), kDecode);
  if (is_hub_)
    for (const int r : round.participants())
      if (r != hub_) flight.receive(r, up_tag_, ups_.at(slot, r), kDown);
  if (!round.takes_part()) return;
  {
    const auto timed = flight.time(Activity::compress);
    own_[slot] = up_.encode(part(Floats(round.vector()), flight.bucket()), flight.bucket(), round,
                            ups_.at(slot, is_hub_ ? hub_ : 0));
  }
  if (!is_hub_) flight.send(hub_, up_tag_, own_[slot]);
}

void Star::send_down(Flight& flight, const Round& round) {
  const std::size_t slot = flight.slot();
  Scratch::Scope scope(scratch_);
  const auto mean = scratch_.take<float>(flight.bucket().count);
  {
    const auto timed = flight.time(Activity::decode);
    average(frames_by_rank(flight, kDown, round, own_[slot]), up_.compressor(round), mean);
  }
  {
    const auto timed = flight.time(Activity::compress);
    sent_down_[slot] = down_.encode(mean, flight.bucket(), round, downs_.at(slot, 0));
  }
  for (int r = 0; r < round.ranks(); ++r)
    if (r != hub_) flight.send(r, down_tag_, sent_down_[slot]);
}

void Star::decode(Flight& flight, const Round& round) {
  const auto timed = flight.time(Activity::decode);
  const std::size_t slot = flight.slot();
  const Bytes average = is_hub_ ? sent_down_[slot] : flight.received(hub_, kDecode);
  round.landing().land(average, down_.compressor(round), flight.bucket());
  if (!round.sent().empty())
    decode_own(own_[slot], up_.compressor(round), round, part(round.sent(), flight.bucket()));
}

}  // namespace

std::unique_ptr<Stages> make_star(const StarOptions& kind, const ExchangeOptions& options,
                                  Transport& transport, std::span<const Slice> buckets) {
  if (kind.hub < 0 || kind.hub >= transport.size())
    throw ConfigError("exchange.star.hub",
                      "a rank, from 0 to " + std::to_string(transport.size() - 1));
  return std::make_unique<Star>(kind.hub, options, transport, buckets);
}

}  // namespace laconic
