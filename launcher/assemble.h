#pragma once

#include <memory>

#include "collectives/exchange.h"
#include "methods/method.h"
#include "nn/dataset.h"
#include "problems/logistic.h"
#include "train/experiment.h"

/// Asks each room's factory for the parts of a run.
namespace laconic {

/// What all ranks of a process share; empty where a problem needs none.
struct SharedData {
  TrainAndTest images;
  LogisticData rows;
};

/// Throws DataError.
SharedData load_data(const ProblemOptions& problem);

std::unique_ptr<Oracle> make_oracle(const Experiment& experiment, const SharedData& data, int rank,
                                    int ranks);

/// With its parameters at the starting point that all ranks share. `exchange` must outlive it.
std::unique_ptr<Method> make_method(const Experiment& experiment, const Oracle& oracle,
                                    Exchange& exchange);

}  // namespace laconic
