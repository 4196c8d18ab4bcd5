#pragma once

#include <memory>
#include <mutex>

#include "collectives/exchange.h"
#include "methods/method.h"
#include "nn/dataset.h"
#include "problems/bilinear.h"
#include "problems/logistic.h"
#include "train/experiment.h"

/// Asks each room's factory for the parts of a run.
namespace laconic {

/// A bilinear instance, made by the first rank that asks: only then is the number of ranks known.
class BilinearOnce {
 public:
  std::shared_ptr<const BilinearInstance> get(const BilinearOptions& options, std::uint64_t seed,
                                              int ranks);

 private:
  std::mutex mutex_;
  std::shared_ptr<const BilinearInstance> instance_;
};

/// What all ranks of a process share; empty where a problem needs none.
struct SharedData {
  TrainAndTest images;
  LogisticData rows;
  std::shared_ptr<const LibsvmData> regression;
  std::shared_ptr<BilinearOnce> bilinear = std::make_shared<BilinearOnce>();
};

/// Throws DataError.
SharedData load_data(const ProblemOptions& problem);

std::unique_ptr<Oracle> make_oracle(const Experiment& experiment, const SharedData& data, int rank,
                                    int ranks);

/// With its parameters at the starting point that all ranks share. `exchange` must outlive it.
std::unique_ptr<Method> make_method(const Experiment& experiment, const Oracle& oracle,
                                    Exchange& exchange);

}  // namespace laconic
