#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/errors.h"
#include "collectives/bucket_plan.h"
#include "collectives/exchange/compressor_schedule.h"
#include "collectives/exchange/kinds.h"
#include "collectives/exchange/round.h"

// Gather: every rank sends its compressed bucket to every other, and adds up what it gets. Payloads
// are never merged, so any compressor will do and nothing is compressed twice.
//
// Buckets are encoded and sent one after the other while earlier ones are still on their way, up to
// kBucketsInFlight of them. A rank adds its own contribution from its own frame, like everybody
// else's and in rank order: hence the same bits on every rank. Who takes no part sends nothing,
// keeps its residual, and gets the average like the others.
//
// Cost, N participants: one message on the critical path, N - 1 frames sent and received by each
// rank and bucket, and room for N frames of each bucket in flight.
namespace laconic {
namespace {

constexpr std::size_t kBucketsInFlight = 4;

/// A bucket on its way.
struct Flight {
  std::unique_ptr<std::byte[]> memory;  // a frame of each rank, each with the same room
  std::size_t own_bytes = 0;
  std::vector<Ticket> receives;  // one for each participant but this rank
  std::vector<Ticket> sends;
};

class GatherExchange final : public Exchange {
 public:
  GatherExchange(const ExchangeOptions& options, Transport& transport, const Layout& layout);

  void begin(MutFloats vector, MutFloats sent, const Step& step) override {
    round_.begin(vector, sent, step);
  }
  void ready(Slice) noexcept override {}  // finish() does all the work so far
  void finish() override {
    finish_or_abort(transport_, round_, [&] { average(); });
  }

  void save(StateWriter& writer) const override {
    if (feedback_.on) writer.floats("residual", residual_);
  }
  void load(StateReader& reader) override {
    if (feedback_.on) reader.floats("residual", residual_);
  }
  ExchangeTimes take_times() override { return std::exchange(times_, {}); }

 private:
  void average();
  void launch(Slice bucket, Flight& flight);
  void land(Slice bucket, Flight& flight);
  std::size_t encode(Slice bucket, MutBytes frame);
  MutBytes frame_of(Flight& flight, int rank) const {
    return {flight.memory.get() + frame_room_ * static_cast<std::size_t>(rank), frame_room_};
  }
  bool takes_part() const { return round_.takes_part(transport_.rank()); }

  const CompressorSchedule compressors_;
  const FeedbackOptions feedback_;
  const Tag tag_;
  Transport& transport_;
  const std::vector<Slice> buckets_;
  std::size_t frame_room_ = 0;
  std::vector<Flight> flights_;
  std::vector<float> residual_;  // in flat coordinates; empty without error feedback
  Round round_;
  Scratch scratch_;
  ExchangeTimes times_;
};

GatherExchange::GatherExchange(const ExchangeOptions& options, Transport& transport,
                               const Layout& layout)
    : compressors_(options.compressor, options.frame, options.warm_up),
      feedback_(options.feedback),
      tag_{options.channel, Purpose::frame},
      transport_(transport),
      buckets_(plan_buckets(layout, options.bucket_bytes)),
      flights_(std::min(kBucketsInFlight, buckets_.size())),
      residual_(options.feedback.on ? flat_size(layout) : 0),
      round_(transport, flat_size(layout)) {
  for (const Slice bucket : buckets_) {
    if (feedback_.on && !compressors_.contractive(bucket.count))
      throw ConfigError("error_feedback.on",
                        "false with a compressor that does not contract: what it leaves out would "
                        "grow without bound");
    frame_room_ = std::max(frame_room_, compressors_.max_bytes(bucket.count));
  }
  const std::size_t room = frame_room_ * static_cast<std::size_t>(transport.size());
  for (Flight& flight : flights_) flight.memory = std::make_unique_for_overwrite<std::byte[]>(room);
}

void GatherExchange::average() {
  std::size_t launched = 0;
  const auto flight_of = [&](std::size_t i) -> Flight& { return flights_[i % flights_.size()]; };
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    for (; launched < std::min(buckets_.size(), i + flights_.size()); ++launched)
      launch(buckets_[launched], flight_of(launched));
    land(buckets_[i], flight_of(i));
  }
}

/// Posts the receives, encodes, posts the sends.
void GatherExchange::launch(Slice bucket, Flight& flight) {
  flight.receives.clear(), flight.sends.clear();
  for (const int r : round_.participants())
    if (r != transport_.rank())
      flight.receives.push_back(transport_.post_receive(r, tag_, frame_of(flight, r)));
  if (!takes_part()) return;
  const MutBytes own = frame_of(flight, transport_.rank());
  flight.own_bytes = encode(bucket, own);
  for (int r = 0; r < transport_.size(); ++r)
    if (r != transport_.rank())
      flight.sends.push_back(transport_.post_send(r, tag_, own.first(flight.own_bytes)));
}

std::size_t GatherExchange::encode(Slice bucket, MutBytes frame) {
  const Stopwatch watch;
  const Compressor& compressor = compressors_.at(round_.step());
  const RngKey shared =
      derive(derive(round_.key(), static_cast<std::uint64_t>(RngPurpose::compress)), bucket.begin);
  const int rank = transport_.rank();
  const Site site{derive(shared, rank), shared, rank, transport_.size(), scratch_};
  const Floats in = part(Floats(round_.vector()), bucket);
  const std::size_t bytes =
      feedback_.on ? compressor.encode_residual(in, part(MutFloats(residual_), bucket),
                                                {feedback_.scale, feedback_.decay}, frame, site)
                   : compressor.encode(in, frame, site);
  times_.compress += watch.seconds();
  return bytes;
}

/// Waits for all frames of a bucket and turns them into its average.
void GatherExchange::land(Slice bucket, Flight& flight) {
  Stopwatch watch;
  std::vector<Bytes> frames;
  auto receive = flight.receives.begin();
  for (const int r : round_.participants())
    frames.push_back(frame_of(flight, r).first(
        r == transport_.rank() ? flight.own_bytes : transport_.wait(*receive++)));
  times_.wait += watch.restart();

  const Compressor& compressor = compressors_.at(round_.step());
  const MutFloats average = part(round_.vector(), bucket);
  std::fill(average.begin(), average.end(), 0.0f);
  compressor.decode_add_all(frames, 1.0f / static_cast<float>(frames.size()), average);
  if (!round_.sent().empty()) {
    const MutFloats sent = part(round_.sent(), bucket);
    if (takes_part())
      compressor.decode(frame_of(flight, transport_.rank()).first(flight.own_bytes), sent);
    else
      std::fill(sent.begin(), sent.end(), 0.0f);
  }
  times_.decode += watch.restart();
  for (const Ticket send : flight.sends) transport_.wait(send);
  times_.wait += watch.restart();
}

}  // namespace

std::unique_ptr<Exchange> make_gather_exchange(const ExchangeOptions& options, Transport& transport,
                                               const Layout& layout) {
  return std::make_unique<GatherExchange>(options, transport, layout);
}

}  // namespace laconic
