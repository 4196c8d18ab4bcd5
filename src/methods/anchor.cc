#include "methods/anchor.h"

#include "methods/vector_ops.h"

namespace laconic {

Anchor::Anchor(Exchange& dense, Floats start, const AnchorOptions& options)
    : dense_(dense),
      options_(options),
      w_(start.begin(), start.end()),
      own_(start.size()),
      mean_(start.size()),
      on_sample_(options.batch > 0 ? start.size() : 0) {}

void Anchor::settle(Turn& turn, const Step& step) {
  if (!known_) synchronise(turn, step);
}

void Anchor::maybe_move(Floats z, double probability, Turn& turn, const Step& step) {
  const RngKey coin = derive(step.key, static_cast<std::uint64_t>(RngPurpose::coin));
  if (uniform(coin, 0) >= probability) return;
  w_.assign(z.begin(), z.end());
  synchronise(turn, step);
}

void Anchor::synchronise(Turn& turn, const Step& step) {
  turn.evaluate(w_, {step.index, options_.anchor_batch}, own_);
  mean_ = own_;
  turn.average(dense_, mean_, {}, Step{step.index, step.key, {}});
  known_ = true;
}

double Anchor::difference(Floats at, MutFloats out, Turn& turn, const Step& step) {
  const std::uint32_t batch = options_.batch;
  const Sample sample{step.index, batch};
  const double loss = turn.evaluate(at, sample, out);
  if (batch > 0) turn.evaluate(w_, sample, on_sample_);
  subtract(batch > 0 ? on_sample_ : own_, out);
  return loss;
}

void Anchor::save(StateWriter& writer) const {
  writer.u64("known", known_ ? 1 : 0);
  writer.floats("point", w_);
  writer.floats("own", own_);
  writer.floats("mean", mean_);
}

void Anchor::load(StateReader& reader) {
  known_ = reader.u64("known") != 0;
  reader.floats("point", w_);
  reader.floats("own", own_);
  reader.floats("mean", mean_);
}

}  // namespace laconic
