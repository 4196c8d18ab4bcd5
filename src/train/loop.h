#pragma once

#include <atomic>
#include <filesystem>

#include "base/log.h"
#include "collectives/auto_exchange.h"
#include "collectives/ledger.h"
#include "methods/method.h"
#include "train/experiment.h"
#include "train/summary.h"

namespace laconic {

/// What one rank's run is made of. All are borrowed.
struct Run {
  const Experiment& experiment;
  std::filesystem::path out;  ///< The run directory; exists. Ranks on other hosts have their own.
  bool resume = false;
  Transport& transport;  ///< Counted in `ledger`.
  const Ledger& ledger;
  Oracle& oracle;
  Method& method;
  std::vector<Exchange*> exchanges;   ///< All that the method uses, the main one first.
  AutoExchange* automatic = nullptr;  ///< The main one, where AUTO chooses.
  std::filesystem::path trace;        ///< A file for what every rank did when; empty: none.
  Log log;
  const std::atomic<bool>& stop;  ///< Set from a signal handler: end at a step all ranks agree on.
  bool progress = false;          ///< This rank shows how it goes, on stderr.
  bool terminal = false;          ///< Where a line can be written over.
};

/// What measuring links takes at the start of a run, in seconds.
constexpr double kLinkSeconds = 1;

/// Examples a rank and step; 0: all of its data.
std::uint32_t batch_of(const MethodOptions& method);

/// Steps of the whole run for a rank with that many examples (Oracle::examples): `steps` where
/// given, else the epochs' batches, rounded up. What SyncSgdOptions::steps has to be.
std::uint64_t total_steps(const Experiment& experiment, std::uint64_t examples);

/// Trains to the end, from a checkpoint if asked: steps, scores, metrics.jsonl, TensorBoard,
/// checkpoints, hashes compared over ranks. Collective. Returns the summary, the same on every rank
/// but for what is the rank's own; rank 0 has written it to summary.json. Throws Interrupted after
/// a checkpoint when `stop` was set on any rank; NumericError at a loss that is not finite.
///
/// `out` must hold no run yet unless `resume`, which goes on from the newest checkpoint that is
/// complete on every rank (ConfigError: one of another experiment or number of ranks; DataError:
/// all are torn), from the start where there is none, and not at all where the run is done.
///
/// Interrupted comes on every rank and leaves the group whole. Before anything else is thrown the
/// group is aborted, since posted messages borrow memory of this frame; the other ranks then throw
/// TransportError, so that what is no TransportError is the cause.
Summary train(const Run& run);

}  // namespace laconic
