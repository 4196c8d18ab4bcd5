#include <algorithm>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "collectives/allreduce.h"
#include "collectives/bucket_plan.h"
#include "collectives/exchange/kinds.h"
#include "collectives/exchange/local_correction.h"
#include "collectives/exchange/residual.h"
#include "compressors/kernels/vectors.h"

// Linear: an allreduce in the compressed domain. The payload of a sum is the sum of payloads
// (PowerSGD; Rand-k whose coordinates all ranks draw by one key), so that any allreduce averages
// them and nothing is decoded for a peer. Buckets are summed one after the other and in the order
// of the plan. Whoever takes no part adds zeros, and keeps its residual.
//
// Cost: that of the allreduce on the payload, once for each round of the compressor and bucket.
namespace laconic {
namespace {

class Linear final : public Stages {
 public:
  Linear(const LinearOptions& kind, const ExchangeOptions& options, Transport& transport,
         const Layout& layout, std::span<const Slice> buckets)
      : allreduce_(find_allreduce(kind.allreduce)),
        tag_{options.channel, Purpose::dense},
        transport_(transport),
        feedback_(options.feedback),
        // Where everything is sent, in fewer numbers, there is nothing to tell the momentum of.
        local_(options.local, std::holds_alternative<LinearRandKOptions>(kind.compressor), buckets),
        residual_(feedback_.on ? buckets : std::span<const Slice>{}) {
    const auto* rand_k = std::get_if<LinearRandKOptions>(&kind.compressor);
    if (feedback_.on && rand_k != nullptr && rand_k->unbiased && rand_k->density < 1)
      throw ConfigError("error_feedback.on",
                        "false with a rand_k that is unbiased: what it leaves "
                        "out would grow without bound");
    for (const Slice bucket : buckets) {
      length_ = std::max(length_, bucket.end());
      places_[bucket.begin] = compressors_.size();
      compressors_.push_back(make_linear_compressor(kind.compressor, layout_of(layout, bucket)));
    }
  }

  std::size_t count() const override { return 1; }
  std::size_t in_flight() const override { return 1; }

  void run(std::size_t, Flight& flight, const Round& round) override;

  void save(StateWriter& writer) const override;
  void load(StateReader& reader) override;
  FeedbackNorms feedback_norms() const override { return norms_; }
  void release(MutFloats into) override { residual_.release(1 / feedback_.scale, into); }

 private:
  Floats corrected(Flight& flight, const Round& round);
  void average(LinearCompressor& compressor, Floats in, Flight& flight, const Round& round);

  const AllreduceAlgorithm& allreduce_;
  const Tag tag_;
  Transport& transport_;
  const FeedbackOptions feedback_;
  LocalCorrection local_;
  Residual residual_;                                           // of nothing without error feedback
  std::vector<std::unique_ptr<LinearCompressor>> compressors_;  // by bucket
  std::unordered_map<std::size_t, std::size_t> places_;         // by its first element
  std::size_t length_ = 0;
  std::vector<float> payload_, corrected_, sent_;
  Scratch scratch_;
  FeedbackNorms norms_;
};

/// What this rank compresses: its gradient and what it kept back before.
Floats Linear::corrected(Flight& flight, const Round& round) {
  const Slice bucket = flight.bucket();
  corrected_.resize(bucket.count);
  if (!round.takes_part()) {
    std::fill(corrected_.begin(), corrected_.end(), 0.0f);
    return corrected_;
  }
  const Floats gradient = local_.correct(part(Floats(round.vector()), bucket), bucket, round);
  if (bucket.end() == length_) norms_ = {};  // the first of a round
  norms_.gradient_square += feedback_.on ? sum_of_squares(gradient, 1) : 0;
  if (feedback_.on)
    add_feedback(gradient, residual_.part(bucket), {feedback_.scale, feedback_.decay}, corrected_);
  else
    std::copy(gradient.begin(), gradient.end(), corrected_.begin());
  return corrected_;
}

/// All rounds of the compressor.
void Linear::average(LinearCompressor& compressor, Floats in, Flight& flight, const Round& round) {
  const Site site = round.site(RngPurpose::compress, flight.bucket(), scratch_);
  const auto participants = static_cast<float>(round.participants().size());
  for (int i = 0; i < compressor.rounds(); ++i) {
    payload_.resize(compressor.floats(i));
    {
      const auto timed = flight.time(Activity::compress);
      compressor.project(i, in, payload_, site);
    }
    {
      const auto timed = flight.time(Activity::wait);
      allreduce_.run(transport_, payload_, tag_, scratch_);
    }
    const auto timed = flight.time(Activity::decode);
    for (float& value : payload_) value /= participants;
    compressor.absorb(i, payload_);
  }
}

void Linear::run(std::size_t, Flight& flight, const Round& round) {
  const Slice bucket = flight.bucket();
  LinearCompressor& compressor = *compressors_[places_.at(bucket.begin)];
  Floats in;
  {
    const auto timed = flight.time(Activity::compress);
    in = corrected(flight, round);
  }
  average(compressor, in, flight, round);
  const auto timed = flight.time(Activity::decode);
  sent_.resize(bucket.count);
  compressor.reconstruct(part(round.vector(), bucket), sent_);
  if (!round.takes_part()) std::fill(sent_.begin(), sent_.end(), 0.0f);
  if (!round.sent().empty())
    std::copy(sent_.begin(), sent_.end(), part(round.sent(), bucket).begin());
  if (!round.takes_part()) return;
  if (feedback_.on) {
    subtract(in, sent_, residual_.part(bucket));
    norms_.residual_square += sum_of_squares(residual_.part(bucket), 1);
  }
  local_.mask(bucket, sent_);
}

void Linear::save(StateWriter& writer) const {
  {
    StateWriter::Scope scope(writer, "up");
    if (feedback_.on) residual_.save(writer);
    local_.save(writer);
  }
  for (std::size_t i = 0; i < compressors_.size(); ++i) {
    StateWriter::Scope scope(writer, "bucket-" + std::to_string(i));
    compressors_[i]->save(writer);
  }
}

void Linear::load(StateReader& reader) {
  {
    StateReader::Scope scope(reader, "up");
    if (feedback_.on) residual_.load(reader);
    local_.load(reader);
  }
  for (std::size_t i = 0; i < compressors_.size(); ++i) {
    StateReader::Scope scope(reader, "bucket-" + std::to_string(i));
    compressors_[i]->load(reader);
  }
}

}  // namespace

std::unique_ptr<Stages> make_linear(const LinearOptions& kind, const ExchangeOptions& options,
                                    Transport& transport, const Layout& layout,
                                    std::span<const Slice> buckets) {
  return std::make_unique<Linear>(kind, options, transport, layout, buckets);
}

}  // namespace laconic
