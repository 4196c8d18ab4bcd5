#pragma once

#include <string>
#include <vector>

#include "train/agreement.h"
#include "train/choice.h"
#include "train/loop.h"

namespace laconic {

/// AUTO in the course of a run: what has been decided, and when it is time to decide again.
class AutoPilot {
 public:
  /// `run.automatic` is there.
  explicit AutoPilot(const Run& run);

  /// Before the first step of a start: takes the decisions that rank 0 knows from its configuration
  /// or, `steps` being done, from the checkpoint; where there are none, decides. Collective.
  void take_up(std::uint64_t steps);

  /// Measures links and forecasts every exchange allowed; decides for the next step and leaves word
  /// of it in the run's config.textproto. Collective; the exchanges are drained.
  void decide(std::uint64_t steps);

  /// Has the exchange that was decided on for this step. True where it is another one than before.
  bool follow(std::uint64_t steps);

  /// On rank 0, after rounds of agreement: whether exchanges take as long as they did.
  void hear(const std::vector<Digest>& digests);

  bool asks() const { return asks_; }  ///< For decide(), on all ranks.

  const ExchangeOptions& in_use() const;
  std::string name() const;  ///< "auto: owner, top_k 1%, error feedback both ways"
  double dense_step_seconds() const { return dense_step_seconds_; }  ///< By the last forecast.

 private:
  const Run& run_;
  const AutoOptions& options_;
  std::vector<Decision> decisions_;  // the same on every rank
  bool follows_ = false;             // another run's, and makes none of its own
  double dense_step_seconds_;
  Drift drift_;
  bool asks_ = false;
  std::vector<Digest> heard_;  // what drift was last reckoned from
};

}  // namespace laconic
