#include "launcher/assemble.h"

#include "base/errors.h"
#include "problems/matrix_game.h"
#include "problems/quadratic.h"
#include "problems/robust_regression.h"
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

std::shared_ptr<const BilinearInstance> BilinearOnce::get(const BilinearOptions& options,
                                                          std::uint64_t seed, int ranks) {
  const std::lock_guard lock(mutex_);
  if (!instance_) instance_ = make_bilinear_instance(options, seed, ranks);
  return instance_;
}

SharedData load_data(const ProblemOptions& problem) {
  SharedData data;
  if (const auto* classifier = std::get_if<ClassifierProblem>(&problem))
    data.images = load_dataset(classifier->data);
  if (const auto* logistic = std::get_if<LogisticOptions>(&problem))
    data.rows = load_logistic(*logistic);
  if (const auto* regression = std::get_if<RobustRegressionOptions>(&problem))
    data.regression = load_libsvm(regression->path);
  return data;
}

std::unique_ptr<Oracle> make_oracle(const Experiment& experiment, const SharedData& data, int rank,
                                    int ranks) {
  return std::visit(
      Overloaded{[&](const ClassifierProblem& p) {
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
                 },
                 [&](const BilinearOptions& p) {
                   return make_bilinear(data.bilinear->get(p, experiment.seed, ranks), rank);
                 },
                 [&](const MatrixGameOptions& p) {
                   return make_matrix_game(p, experiment.seed, rank, ranks);
                 },
                 [&](const RobustRegressionOptions& p) {
                   return make_robust_regression(p, data.regression, experiment.seed, rank, ranks);
                 }},
      experiment.problem);
}

std::unique_ptr<Method> make_method(const Experiment& experiment, const Oracle& oracle,
                                    Exchange& exchange) {
  std::vector<float> start(flat_size(oracle.layout()));
  oracle.initialize(make_key(experiment.seed, kEveryRank, 0, RngPurpose::initialize), start);
  return std::visit(Overloaded{[&](SyncSgdOptions options) {
                      if (oracle.has_prox())
                        throw ConfigError("method.sync_sgd",
                                          "takes no prox steps, which this problem asks for");
                      options.steps = total_steps(experiment, oracle.examples());
                      return make_sync_sgd(options, exchange, std::move(start));
                    }},
                    experiment.method);
}

}  // namespace laconic
