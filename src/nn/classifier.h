#pragma once

#include <memory>
#include <variant>
#include <vector>

#include "base/sampling.h"
#include "methods/oracle.h"
#include "nn/dataset.h"

namespace laconic {

struct LogisticModelOptions {};
struct MlpOptions {
  std::vector<std::uint32_t> hidden = {128};
};
struct FedAvgCnnOptions {};
struct SmallCnnOptions {
  std::uint32_t hidden = 64;
};
using ModelOptions =
    std::variant<LogisticModelOptions, MlpOptions, FedAvgCnnOptions, SmallCnnOptions>;

struct ClassifierOptions {
  ModelOptions model = FedAvgCnnOptions{};
  Partition partition = Partition::shuffled;
  std::uint64_t seed = 1;
  int rank = 0;
  int ranks = 1;
};

/// The mean cross-entropy of a LibTorch model over this rank's part of data.train; scores are taken
/// on data.test. Parameters and gradients of the module are views into the vectors given to
/// evaluate(), so nothing is copied as long as those stay the same memory. Throws ConfigError where
/// the model does not fit the examples' shape.
std::unique_ptr<Oracle> make_classifier(const ClassifierOptions& options, const TrainAndTest& data);

/// Before any oracle is made: compute threads of LibTorch in this process, for each rank.
void set_compute_threads(int threads);

/// "2.11.0", for `laconic version`.
const char* libtorch_version();

}  // namespace laconic
