#include "launcher/bench/method_trial.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "base/clock.h"
#include "base/errors.h"
#include "launcher/world.h"
#include "train/loop.h"

namespace laconic::bench {
namespace {

constexpr double kDiverged = 1e6;
constexpr std::size_t kMostPoints = 400;  // of a curve
constexpr double kProgressSeconds = 10;

/// Counts how often the operator is asked for.
class Counting final : public Oracle {
 public:
  explicit Counting(std::unique_ptr<Oracle> inner) : inner_(std::move(inner)) {}

  const Layout& layout() const override { return inner_->layout(); }
  void initialize(RngKey key, MutFloats x) const override { inner_->initialize(key, x); }
  std::uint64_t examples() const override { return inner_->examples(); }
  double evaluate(Floats at, const Sample& sample, MutFloats out, const ReadyFn& ready) override {
    ++calls_;
    return inner_->evaluate(at, sample, out, ready);
  }
  bool has_prox() const override { return inner_->has_prox(); }
  void prox(float step, MutFloats x) const override { inner_->prox(step, x); }
  Constants constants() const override { return inner_->constants(); }
  Scores score(Floats at, Share share) const override { return inner_->score(at, share); }

  std::uint64_t calls() const { return calls_; }

 private:
  std::unique_ptr<Oracle> inner_;
  std::uint64_t calls_ = 0;
};

/// A curve from the start to the last point, evenly thinned out where it gets too many.
class Curve {
 public:
  Curve() { points_.push_back({0, 1}); }

  void add(const CurvePoint& point) {
    last_ = point;
    if (++seen_ % stride_ != 0) return;
    points_.push_back(point);
    if (points_.size() < kMostPoints) return;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < points_.size(); i += 2) points_[kept++] = points_[i];
    points_.resize(kept);
    stride_ *= 2;
  }

  std::vector<CurvePoint> points() const {
    auto points = points_;
    if (seen_ % stride_ != 0) points.push_back(last_);
    return points;
  }

 private:
  std::vector<CurvePoint> points_;
  CurvePoint last_{};
  std::size_t seen_ = 0, stride_ = 1;
};

/// Problems in closed form score all of themselves on every rank, so that all ranks see the same
/// value and end at the same step.
Trial run_rank(const Experiment& experiment, const SharedData& data, const TrialOptions& options,
               Transport& wire) {
  Ledger ledger;
  const auto transport = count_bytes(wire, ledger);
  Counting oracle(make_oracle(experiment, data, transport->rank(), transport->size()));
  const auto exchanges = make_exchanges(experiment, *transport, oracle.layout());
  const auto method =
      make_method(experiment, oracle, exchanges, transport->rank(), transport->size());
  const auto measure = [&] {
    const Scores scores = oracle.score(method->parameters(), {});
    return options.measure == Measure::distance ? scores.distance : scores.gap;
  };
  const double start = measure();
  if (!(start > 0)) throw ConfigError("--measure", "one that the problem knows");
  const std::uint64_t steps =
      std::min(options.most_steps, total_steps(experiment, oracle.examples()));
  Trial trial;
  Curve curve;
  Stopwatch silent;
  while (trial.steps < steps && !trial.reached) {
    const RngKey key = make_key(experiment.seed, kEveryRank, trial.steps, RngPurpose::compress);
    method->step(oracle, {trial.steps, key, {}});
    if (++trial.steps % options.score_every != 0) continue;
    const double value = measure() / start;
    trial.diverged = !(value < kDiverged);
    if (trial.diverged) break;
    trial.best = std::min(trial.best, value);
    trial.reached = value <= options.target;
    curve.add({ledger.sent.total(), value});
    if (transport->rank() != 0 || !options.progress || silent.seconds() < kProgressSeconds)
      continue;
    options.progress(trial.steps, value);
    silent = Stopwatch();
  }
  trial.curve = curve.points();
  trial.calls = oracle.calls();
  trial.sent = ledger.sent;
  trial.received = ledger.received;
  return trial;
}

}  // namespace

Trial run_trial(const Experiment& experiment, const SharedData& data, const TrialOptions& options) {
  Trial trial;
  std::atomic<bool> diverged = false;  // on any rank: the others hear of an end and no more
  try {
    run_ranks({.ranks = options.ranks, .deadline_seconds = experiment.deadline_seconds},
              [&](Transport& transport) {
                try {
                  Trial mine = run_rank(experiment, data, options, transport);
                  if (transport.rank() == transport.size() - 1) trial = std::move(mine);
                } catch (const NumericError&) {
                  diverged = true;
                  throw;
                }
              });
  } catch (const Error&) {
    if (!diverged) throw;
    trial.diverged = true;
  }
  return trial;
}

double smoothness_of(const Experiment& experiment, const SharedData& data, int ranks) {
  const Constants constants = make_oracle(experiment, data, 0, ranks)->constants();
  if (!(constants.smoothness > 0))
    throw ConfigError("problem", "one that knows its smoothness, of which rates are multiples");
  return constants.smoothness;
}

}  // namespace laconic::bench
