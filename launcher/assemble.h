#pragma once

#include <memory>
#include <mutex>
#include <tuple>

#include "collectives/auto_exchange.h"
#include "methods/method.h"
#include "nn/dataset.h"
#include "nn/text.h"
#include "problems/bilinear.h"
#include "problems/logistic.h"
#include "train/experiment.h"

/// Asks each room's factory for the parts of a run.
namespace laconic {

/// A bilinear instance, made by the first rank that asks: only then is the number of ranks known.
/// The same for who asks for the same, until somebody asks for another.
class BilinearOnce {
 public:
  std::shared_ptr<const BilinearInstance> get(const BilinearOptions& options, std::uint64_t seed,
                                              int ranks);

 private:
  std::mutex mutex_;
  std::shared_ptr<const BilinearInstance> instance_;
  std::tuple<BilinearOptions, std::uint64_t, int> made_of_;
};

/// What all ranks of a process share; empty where a problem needs none.
struct SharedData {
  TrainAndTest images;
  LogisticData rows;
  std::shared_ptr<const LibsvmData> regression;
  std::shared_ptr<const Text> text;
  std::shared_ptr<BilinearOnce> bilinear = std::make_shared<BilinearOnce>();
};

/// Throws DataError.
SharedData load_data(const ProblemOptions& problem);

std::unique_ptr<Oracle> make_oracle(const Experiment& experiment, const SharedData& data, int rank,
                                    int ranks);

/// What the method of an experiment averages by: the exchange of the experiment, and for methods
/// that synchronise densely now and then one for that, on channels of its own.
using Exchanges = std::vector<std::unique_ptr<Exchange>>;

/// `trace`: they keep what they do when.
Exchanges make_exchanges(const Experiment& experiment, Transport& transport, const Layout& layout,
                         bool trace = false);

std::vector<Exchange*> borrowed(const Exchanges& exchanges);

/// With its parameters at the starting point that all ranks share. `exchanges` must outlive it.
std::unique_ptr<Method> make_method(const Experiment& experiment, const Oracle& oracle,
                                    const Exchanges& exchanges, int rank, int ranks);

}  // namespace laconic
