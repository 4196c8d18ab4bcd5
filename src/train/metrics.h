#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "collectives/ledger.h"
#include "methods/oracle.h"

namespace laconic {

/// A report: means over ranks, of the steps since the last one unless said otherwise.
struct MetricsRow {
  std::uint64_t step = 0;  ///< Steps done, from the run's start.
  double seconds = 0;      ///< Since the run's start.
  double loss = kUnknown;  ///< On the ranks' mini-batches.
  double compute = 0, compress = 0, wait = 0, decode = 0, apply = 0;  ///< Seconds a step.
  double hidden = 0;  ///< Seconds a step of the exchange behind compute, beside the others.
  /// What error feedback keeps back over gradients, norms of all ranks together; of one step.
  double residual_over_gradient = kUnknown;
  double examples_per_second = kUnknown;             ///< Of all ranks together.
  std::uint64_t bytes_sent = 0, bytes_received = 0;  ///< By a rank, since the run's start.
};

/// metrics.jsonl: one JSON object a line, each written out as it comes. Reports have the fields of
/// MetricsRow; scores have "step" and "score": {"loss", "accuracy", "gap", "distance",
/// "robust_loss"}. What is not known is null.
class Metrics {
 public:
  /// Goes on after the rows up to `step` that are in the file, and drops later ones and a torn
  /// last line, which a run wrote that got further than its checkpoint. DataError if it cannot be
  /// written.
  Metrics(const std::filesystem::path& path, std::uint64_t step);

  void report(const MetricsRow& row);
  void score(std::uint64_t step, const Scores& scores);

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  void write(const std::string& line);

  std::filesystem::path path_;
  std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace laconic
