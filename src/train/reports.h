#pragma once

#include <optional>
#include <vector>

#include "train/agreement.h"
#include "train/feedback_health.h"
#include "train/loop.h"
#include "train/metrics.h"
#include "train/progress.h"
#include "train/scores.h"
#include "train/tensorboard.h"

namespace laconic {

/// What rank 0 shows of a run while it goes on: metrics.jsonl, TensorBoard, a line on the terminal,
/// and warnings where residuals grow.
class Reports {
 public:
  /// Goes on after `steps` of `total` steps, at `seconds` of the run's clock.
  Reports(const Run& run, std::uint64_t steps, std::uint64_t total, double seconds);

  /// Residuals are judged by what the compressor of this exchange promises.
  void watch_feedback(const ExchangeOptions& used);

  /// What all ranks have said in a round of agreement, by rank.
  void hear(const std::vector<Digest>& digests);

  void score(std::uint64_t step, const Scores& scores);

  void finish();  ///< The line on the terminal.

 private:
  MetricsRow row_of(const std::vector<Digest>& digests) const;
  void report(const MetricsRow& row);

  const Run& run_;
  const std::uint64_t total_;
  Metrics metrics_;
  TensorBoard board_;
  std::optional<FeedbackHealth> health_;
  std::optional<Progress> progress_;
  std::vector<Digest> reported_;  // what the last row was made of
};

}  // namespace laconic
