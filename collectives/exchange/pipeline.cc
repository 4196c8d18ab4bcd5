#include "collectives/exchange/pipeline.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/errors.h"
#include "collectives/exchange/readiness.h"
#include "collectives/exchange/worker.h"

namespace laconic {
namespace {

class Pipeline final : public Exchange {
 public:
  Pipeline(std::unique_ptr<Stages> stages, std::vector<Slice> buckets, Transport& transport,
           std::size_t length, const ExchangeOptions& options);
  ~Pipeline() override { abandon(); }

  void begin(MutFloats vector, MutFloats sent, const Step& step) override;
  void ready(Slice part) noexcept override;
  void finish() override;
  const Pieces& finish_in_pieces() override;
  void abandon() noexcept override;

  void save(StateWriter& writer) const override { stages_->save(writer); }
  void load(StateReader& reader) override { stages_->load(reader); }
  void release(MutFloats into) override { stages_->release(into); }
  ExchangeTimes take_times() override { return std::exchange(times_, {}); }
  FeedbackNorms feedback_norms() const override { return stages_->feedback_norms(); }
  std::vector<Span> take_spans() override { return std::exchange(kept_spans_, {}); }

 private:
  void serve_or_abort();
  void serve();
  bool advance();
  bool advance(std::size_t stage);
  bool retire();
  void sleep();
  Flight& flight_of(std::size_t bucket) { return flights_[bucket % flights_.size()]; }

  const std::unique_ptr<Stages> stages_;
  const std::vector<Slice> buckets_;
  Transport& transport_;
  Readiness readiness_;
  Round round_;
  Timeline timeline_;
  ExchangeTimes times_;
  const bool keeps_spans_;
  std::vector<Span> kept_spans_;

  std::vector<Flight> flights_;
  std::vector<std::size_t> next_;  // by stage: the bucket whose turn it is
  std::size_t retired_ = 0;        // buckets that have landed
  std::vector<Ticket> tickets_;    // what sleep() waits for

  std::optional<Worker> worker_;  // with overlap; last, so that it ends first
};

Pipeline::Pipeline(std::unique_ptr<Stages> stages, std::vector<Slice> buckets, Transport& transport,
                   std::size_t length, const ExchangeOptions& options)
    : stages_(std::move(stages)),
      buckets_(std::move(buckets)),
      transport_(transport),
      readiness_(buckets_),
      round_(transport, length),
      keeps_spans_(options.trace),
      next_(stages_->count()) {
  for (std::size_t slot = 0; slot < std::min(stages_->in_flight(), buckets_.size()); ++slot)
    flights_.emplace_back(transport_, timeline_, slot, stages_->count());
  // One bucket is whole only when all gradients are: a thread would have nothing to hide behind.
  if (options.overlap && (options.late || buckets_.size() > 1))
    worker_.emplace([this] { serve_or_abort(); });
}

void Pipeline::begin(MutFloats vector, MutFloats sent, const Step& step) {
  round_.begin(vector, sent, step);
  readiness_.reset();
  if (worker_) worker_->start();
}

void Pipeline::ready(Slice part) noexcept {
  if (worker_ && readiness_.mark(part)) transport_.wake();
}

void Pipeline::finish() {
  finish_in_pieces();
  const double began = now();
  round_.landing().spread();
  times_.decode += now() - began;
}

const Pieces& Pipeline::finish_in_pieces() {
  check(round_.under_way(), "begin() comes before finish()");
  const double began = now();
  readiness_.mark_all();
  if (worker_) {
    transport_.wake();
    worker_->join();
    // A wake that came when nobody slept any more must not end somebody else's wait.
    transport_.wake();
    transport_.wait_any({});
  } else {
    serve_or_abort();
  }
  round_.end();
  times_ += timeline_.split(began);
  if (keeps_spans_)
    kept_spans_.insert(kept_spans_.end(), timeline_.spans().begin(), timeline_.spans().end());
  return round_.landing();
}

void Pipeline::abandon() noexcept {
  if (!round_.under_way()) return;
  transport_.abort("left an exchange unfinished", ExitStatus::other);
  if (worker_) worker_->quiesce();
  round_.end();
}

/// What goes wrong ends the group before it flies on: buffers that others still write to must not
/// be unwound under them, and nobody may wait for this rank.
void Pipeline::serve_or_abort() {
  try {
    serve();
  } catch (const NumericError& e) {
    const NumericError told("step " + std::to_string(round_.step()) + ": " + e.what() +
                            "; a lower rate may help");
    transport_.abort(told.what(), told.status());
    throw told;
  } catch (const std::exception& e) {
    transport_.abort(e.what(), status_of(e));
    throw;
  }
}

void Pipeline::serve() {
  timeline_.clear();
  retired_ = 0;
  std::fill(next_.begin(), next_.end(), 0);
  while (retired_ < buckets_.size())
    if (!advance()) sleep();
}

/// Does the first thing in the order of urgency that can be done now; false if there is none.
bool Pipeline::advance() {
  if (retire()) return true;
  const std::size_t last = next_.size() - 1;
  for (std::size_t stage = last; stage-- > 0;)
    if (advance(stage)) return true;
  return advance(last);
}

bool Pipeline::advance(std::size_t stage) {
  const std::size_t bucket = next_[stage];
  if (stage == 0) {
    if (bucket == buckets_.size() || bucket == retired_ + flights_.size()) return false;
    if (!readiness_.ready(bucket)) return false;
    flight_of(bucket).launch(bucket, buckets_[bucket]);
  } else if (bucket == next_[stage - 1] || !flight_of(bucket).may_run(stage)) {
    return false;
  }
  stages_->run(stage, flight_of(bucket), round_);
  ++next_[stage];
  return true;
}

bool Pipeline::retire() {
  if (retired_ == next_.back() || !flight_of(retired_).has_landed()) return false;
  ++retired_;
  return true;
}

/// Until something has come that the next bucket of some stage waits for, or has left, or a bucket
/// has become ready. Only what keeps the exchange from going on is waiting for others.
void Pipeline::sleep() {
  tickets_.clear();
  for (std::size_t stage = 1; stage < next_.size(); ++stage)
    if (next_[stage] < next_[stage - 1]) flight_of(next_[stage]).add_receives(stage, tickets_);
  if (retired_ < next_.back()) flight_of(retired_).add_sends(tickets_);
  if (tickets_.empty()) {
    transport_.wait_any({});
    return;
  }
  const Timeline::Timed timed(timeline_, Activity::wait, retired_);
  transport_.wait_any(tickets_);
}

}  // namespace

std::unique_ptr<Exchange> make_pipeline(std::unique_ptr<Stages> stages, std::vector<Slice> buckets,
                                        Transport& transport, std::size_t length,
                                        const ExchangeOptions& options) {
  return std::make_unique<Pipeline>(std::move(stages), std::move(buckets), transport, length,
                                    options);
}

}  // namespace laconic
