#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "collectives/exchange.h"
#include "methods/saddle.h"
#include "methods/sync_sgd.h"
#include "nn/adversarial.h"
#include "nn/classifier.h"
#include "problems/bilinear.h"
#include "problems/logistic.h"
#include "problems/matrix_game.h"
#include "problems/quadratic.h"
#include "problems/robust_regression.h"

/// An experiment as plain option structs: what configs/experiment.proto says, without protobuf.
namespace laconic {

struct ClassifierProblem {
  ModelOptions model;
  DatasetOptions data;
  Partition partition = Partition::shuffled;
};

struct AdversarialProblem {
  AdversarialOptions options;  ///< But for seed and ranks, which are the run's.
  TextOptions text;
};

using ProblemOptions =
    std::variant<ClassifierProblem, QuadraticOptions, LogisticOptions, BilinearOptions,
                 MatrixGameOptions, RobustRegressionOptions, AdversarialProblem>;
using MethodOptions = std::variant<SyncSgdOptions, DescentAscentOptions, ExtragradientOptions,
                                   LocalExtragradientOptions, OptimisticGradientOptions,
                                   DianaOptions, Masha1Options, Masha2Options>;

/// From `step` on, which of the allowed exchanges is used.
struct Decision {
  std::uint64_t step;  ///< Steps done before.
  std::size_t choice;
};

/// `exchange { auto {} }`: AUTO, see src/train/choice.h.
struct AutoOptions {
  std::vector<ExchangeOptions> allowed;
  bool look_again = true;
  std::vector<Decision> decided;  ///< By an earlier start; to be followed. Ascending.
};

struct ReportOptions {
  std::uint64_t every = 20;
  std::uint64_t score_every = 0;
  std::uint64_t verify_every = 100;
  bool links = false;
};

struct CheckpointOptions {
  std::uint64_t every = 200;
  std::uint32_t keep = 2;
};

/// Where a test of failure strikes.
struct DebugPoint {
  int rank;
  std::uint64_t step;
};

struct Experiment {
  std::string name = "run";
  std::uint64_t seed = 1;
  double epochs = 1;
  std::optional<std::uint64_t> steps;
  ProblemOptions problem;
  MethodOptions method;
  ExchangeOptions exchange;  ///< The first that is allowed, where it is chosen by `automatic`.
  std::optional<AutoOptions> automatic;
  ReportOptions report;
  CheckpointOptions checkpoint;
  double deadline_seconds = 60;
  int compute_threads = 1;
  std::optional<DebugPoint> throw_at, kill_at;

  std::vector<std::string> warnings;  ///< What is allowed but probably not meant; train() logs it.
  std::string text;                   ///< Complete, with all defaults: what config.textproto holds.
  std::uint64_t hash = 0;  ///< Of what decides the bits of a run: `text` without name, report,
                           ///< checkpoint, transport and debug, which may differ on a resume.
};

}  // namespace laconic
