#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "collectives/ledger.h"
#include "methods/oracle.h"

namespace laconic {

enum class RunStatus { done, failed, interrupted };
std::string_view name_of(RunStatus status);

/// What a run came to: summary.json, field by field. Counts and times are of the whole run, over
/// all its resumes; NaN (null in JSON) where a problem has no such score or the run did not get
/// there.
struct Summary {
  RunStatus status = RunStatus::failed;
  std::string name;      ///< Of the experiment.
  std::string method;    ///< "sync_sgd"
  std::string exchange;  ///< For people: "gather, top_k 1%, error feedback".
  std::string problem;   ///< "fedavg_cnn", "quadratic"
  int ranks = 0;
  std::uint64_t steps = 0;           ///< Done, of the whole run.
  std::uint64_t steps_executed = 0;  ///< Done since this start: fewer after a resume.

  double seconds = 0;           ///< By the wall clock, mean over ranks.
  double compute_seconds = 0;   ///< In the oracle, mean over ranks.
  double exchange_seconds = 0;  ///< The next three.
  double compress_seconds = 0, wait_seconds = 0, decode_seconds = 0;  ///< Mean over ranks.
  double apply_seconds = 0;   ///< In the update rule, mean over ranks.
  double hidden_seconds = 0;  ///< Of the exchange, behind the computation; mean over ranks.
  /// What the steps would have taken with the best dense allreduce, on links that were measured.
  double dense_seconds = kUnknown;

  double step_seconds() const { return compute_seconds + exchange_seconds + apply_seconds; }

  double final_loss = kUnknown;     ///< Of the last score: on held-out data where there is any.
  double test_accuracy = kUnknown;  ///< Of the last score, in [0, 1].
  double best_test_accuracy = kUnknown;  ///< Of all scores.
  double gap = kUnknown;                 ///< f(x) - f*, of the last score.
  double distance = kUnknown;            ///< |x - x*|², of the last score.
  double robust_loss = kUnknown;         ///< Under an adversary, of the last score.

  ByteCount bytes_sent_per_rank;  ///< Mean over ranks, rounded.
  std::uint64_t bytes_sent_busiest_rank = 0;
  std::uint64_t bytes_received_per_rank = 0;  ///< Mean over ranks, rounded.
  std::uint64_t dense_bytes_per_rank = 0;     ///< What a dense ring would have sent.

  std::uint64_t parameters_xxh3 = 0;  ///< Of rank 0. Hashes are 16 hex digits in JSON.
  std::vector<std::uint64_t> parameters_xxh3_by_rank;
  std::uint64_t config_xxh3 = 0;     ///< Experiment::hash.
  std::uint64_t peak_rss_bytes = 0;  ///< Of the largest process.
  std::string version;               ///< Of Laconic.
};

/// One JSON object, indented, with a newline at its end.
std::string to_json(const Summary& summary);

/// The inverse. DataError, naming `origin`, where it is malformed or a field is missing.
Summary parse_summary(std::string_view json, const std::string& origin);

/// Replaces the file at once and durably: a reader sees the old one or the new one.
void write_summary(const std::filesystem::path& path, const Summary& summary);
Summary read_summary(const std::filesystem::path& path);

}  // namespace laconic
