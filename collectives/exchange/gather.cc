#include <algorithm>

#include "collectives/exchange/frames.h"
#include "collectives/exchange/kinds.h"
#include "collectives/exchange/lossy_leg.h"

// Gather: every rank sends its compressed bucket to every other, and adds up what it gets. Payloads
// are never merged, so any compressor will do and nothing is compressed twice.
//
// A rank adds its own contribution from its own frame, like everybody else's and in rank order:
// hence the same bits on every rank. Who takes no part sends nothing, keeps its residual, and gets
// the average like the others.
//
// Cost, N participants: one message on the critical path, N - 1 frames sent and received by each
// rank and bucket, and room for N frames of each bucket in flight.
namespace laconic {
namespace {

enum Stage : std::size_t { kSend, kDecode, kStages };

class Gather final : public Stages {
 public:
  Gather(const ExchangeOptions& options, Transport& transport, std::span<const Slice> buckets)
      : tag_{options.channel, Purpose::frame},
        ranks_(transport.size()),
        leg_(LossyLeg::Way::up, options, buckets, buckets),
        frames_(kBucketsInFlight, static_cast<std::size_t>(ranks_), leg_.room()),
        own_(kBucketsInFlight) {}

  std::size_t count() const override { return kStages; }
  std::size_t in_flight() const override { return kBucketsInFlight; }

  void run(std::size_t stage, Flight& flight, const Round& round) override {
    stage == kSend ? send(flight, round) : decode(flight, round);
  }

  void save(StateWriter& writer) const override { leg_.save(writer); }
  void load(StateReader& reader) override { leg_.load(reader); }
  FeedbackNorms feedback_norms() const override { return leg_.norms(); }
  void release(MutFloats into) override { leg_.release(1, into); }

 private:
  void send(Flight& flight, const Round& round);
  void decode(Flight& flight, const Round& round);

  const Tag tag_;
  const int ranks_;
  LossyLeg leg_;
  Frames frames_;           // one of each rank
  std::vector<Bytes> own_;  // by slot: the frame that this rank sent
};

void Gather::send(Flight& flight, const Round& round) {
  for (const int r : round.participants())
    if (r != round.rank()) flight.receive(r, tag_, frames_.at(flight.slot(), r), kDecode);
  if (!round.takes_part()) return;
  Bytes& own = own_[flight.slot()];
  {
    const auto timed = flight.time(Activity::compress);
    own = leg_.encode(part(Floats(round.vector()), flight.bucket()), flight.bucket(), round,
                      frames_.at(flight.slot(), round.rank()));
  }
  // Each rank begins with another, so that no link has to carry all at once.
  for (int i = 1; i < ranks_; ++i) flight.send((round.rank() + i) % ranks_, tag_, own);
}

void Gather::decode(Flight& flight, const Round& round) {
  const auto timed = flight.time(Activity::decode);
  const Bytes own = own_[flight.slot()];
  const Compressor& compressor = leg_.compressor(round);
  round.landing().land_mean(frames_by_rank(flight, kDecode, round, own), compressor,
                            flight.bucket());
  if (!round.sent().empty())
    decode_own(own, compressor, round, part(round.sent(), flight.bucket()));
}

}  // namespace

std::unique_ptr<Stages> make_gather(const ExchangeOptions& options, Transport& transport,
                                    std::span<const Slice> buckets) {
  return std::make_unique<Gather>(options, transport, buckets);
}

}  // namespace laconic
