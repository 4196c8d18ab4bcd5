#include "launcher/assemble.h"

#include "problems/quadratic.h"
#include "train/loop.h"

namespace laconic {
namespace {

template <typename... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <typename... F>
Overloaded(F...) -> Overloaded<F...>;

}  // namespace

SharedData load_data(const ProblemOptions& problem) {
  SharedData data;
  if (const auto* classifier = std::get_if<ClassifierProblem>(&problem))
    data.images = load_dataset(classifier->data);
  if (const auto* logistic = std::get_if<LogisticOptions>(&problem))
    data.rows = load_logistic(*logistic);
  return data;
}

std::unique_ptr<Oracle> make_oracle(const Experiment& experiment, const SharedData& data, int rank,
                                    int ranks) {
  return std::visit(Overloaded{[&](const ClassifierProblem& p) {
                                 return make_classifier({.model = p.model,
                                                         .partition = p.partition,
                                                         .seed = experiment.seed,
                                                         .rank = rank,
                                                         .ranks = ranks},
                                                        data.images);
                               },
                               [&](const QuadraticOptions& p) {
                                 return make_quadratic(p, experiment.seed, rank, ranks);
                               },
                               [&](const LogisticOptions& p) {
                                 return make_logistic(p, data.rows, experiment.seed, rank, ranks);
                               }},
                    experiment.problem);
}

std::unique_ptr<Method> make_method(const Experiment& experiment, const Oracle& oracle,
                                    Exchange& exchange) {
  std::vector<float> start(flat_size(oracle.layout()));
  oracle.initialize(make_key(experiment.seed, kEveryRank, 0, RngPurpose::initialize), start);
  return std::visit(Overloaded{[&](SyncSgdOptions options) {
                      options.steps = total_steps(experiment, oracle.examples());
                      return make_sync_sgd(options, exchange, std::move(start));
                    }},
                    experiment.method);
}

}  // namespace laconic
