#pragma once

#include <optional>
#include <string>

#include "base/state.h"
#include "base/step.h"
#include "methods/oracle.h"

namespace laconic {

/// What one step did on this rank. Times in seconds.
struct Report {
  /// On this rank's sample, before the update; empty where it took no part in the step.
  std::optional<double> loss;
  double compute = 0;  ///< In the oracle.
  double compress = 0;
  double wait = 0;  ///< On others.
  double decode = 0;
  double apply = 0;   ///< In the update rule.
  double hidden = 0;  ///< Of the exchange's work, while the oracle computed; part of `compute`.
};

/// Owns the parameters and when to communicate; made with its exchanges and transport. Between two
/// steps every message sent has been received, so that checkpoints can stand there.
class Method {
 public:
  virtual ~Method() = default;

  /// Advances this rank by one unit of method time.
  virtual Report step(Oracle& oracle, const Step& step) = 0;

  /// The point as it is now. With synchronous methods the same bits on every rank between steps.
  virtual Floats parameters() const = 0;

  /// How often a full vector is averaged per step; what dense_bytes_per_rank is reckoned from.
  virtual double averages_per_step() const { return 1; }

  /// "rate 0.1 (by theory)": what was given and what was worked out, for the log. Default: empty.
  virtual std::string settings() const { return {}; }

  virtual void save(StateWriter& writer) const = 0;
  virtual void load(StateReader& reader) = 0;
};

}  // namespace laconic
