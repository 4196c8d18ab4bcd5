#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "collectives/ledger.h"
#include "launcher/assemble.h"

namespace laconic::bench {

/// What a trial is scored by, against its start.
enum class Measure { distance, gap };

struct TrialOptions {
  int ranks = 10;
  Measure measure = Measure::distance;
  double target = 1e-6;                          ///< Of the measure, relative to the start.
  std::uint64_t score_every = 1;                 ///< Steps.
  std::uint64_t most_steps = ~std::uint64_t{0};  ///< Fewer than the experiment's: it is given up.
  /// Called now and then, by one rank, with the steps that were made and the measure's value.
  std::function<void(std::uint64_t, double)> progress = {};
};

/// A point of a run's curve, as the last rank, which is no hub, has it.
struct CurvePoint {
  std::uint64_t sent;
  double value;  ///< Of the measure, relative to the start.
};

struct Trial {
  bool reached = false;
  bool diverged = false;  ///< Ended since values grew beyond all bounds or were no numbers.
  std::uint64_t steps = 0;
  std::uint64_t calls = 0;   ///< Of the oracle, by the last rank.
  ByteCount sent, received;  ///< By the last rank.
  double best = 1;           ///< The lowest value that was seen.
  std::vector<CurvePoint> curve;
};

/// Runs an experiment, ranks as threads, until it reaches the target, diverges or has made its
/// steps. Throws what the parts of a run throw, numbers that are not finite excepted.
Trial run_trial(const Experiment& experiment, const SharedData& data, const TrialOptions& options);

/// L of the experiment's problem: what rates are multiples of the inverse of.
double smoothness_of(const Experiment& experiment, const SharedData& data, int ranks);

}  // namespace laconic::bench
