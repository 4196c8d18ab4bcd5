#include "launcher/assemble.h"

#include "base/errors.h"
#include "collectives/legs.h"
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

template <typename Options>
void check_participants(const Options& options, int ranks) {
  if constexpr (requires { options.participants; })
    if (options.participants > static_cast<std::uint32_t>(ranks))
      throw ConfigError("method.participants",
                        "expected no more than there are ranks, which is " + std::to_string(ranks));
}

}  // namespace

std::shared_ptr<const BilinearInstance> BilinearOnce::get(const BilinearOptions& options,
                                                          std::uint64_t seed, int ranks) {
  const std::lock_guard lock(mutex_);
  const std::tuple asked(options, seed, ranks);
  if (!instance_ || made_of_ != asked) {
    instance_.reset();  // two may be more than memory holds
    instance_ = make_bilinear_instance(options, seed, ranks);
    made_of_ = asked;
  }
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
  if (const auto* adversarial = std::get_if<AdversarialProblem>(&problem))
    data.text = load_text(adversarial->text);
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
                 },
                 [&](const AdversarialProblem& p) {
                   AdversarialOptions options = p.options;
                   options.seed = experiment.seed;
                   options.rank = rank;
                   options.ranks = ranks;
                   return make_adversarial(options, data.text);
                 }},
      experiment.problem);
}

Exchanges make_exchanges(const Experiment& experiment, Transport& transport, const Layout& layout,
                         bool trace) {
  Exchanges exchanges;
  const auto traced = [&](ExchangeOptions options) {
    options.trace = trace;
    return options;
  };
  std::vector<ExchangeOptions> allowed;
  if (experiment.automatic)
    for (const ExchangeOptions& one : experiment.automatic->allowed) allowed.push_back(traced(one));
  if (experiment.automatic)
    exchanges.push_back(std::make_unique<AutoExchange>(allowed, transport, layout));
  else
    exchanges.push_back(make_exchange(traced(experiment.exchange), transport, layout));
  const auto add_dense = [&](const MashaOptions& method) {
    ExchangeOptions dense;
    dense.kind = DenseOptions{method.allreduce};
    dense.bucket_bytes = experiment.exchange.bucket_bytes;
    dense.overlap = experiment.exchange.overlap;
    dense.channel = channels::exchange + 512;  // far from any that the first one may use
    exchanges.push_back(make_exchange(traced(dense), transport, layout));
  };
  if (const auto* masha1 = std::get_if<Masha1Options>(&experiment.method)) add_dense(*masha1);
  if (const auto* masha2 = std::get_if<Masha2Options>(&experiment.method)) add_dense(*masha2);
  return exchanges;
}

std::vector<Exchange*> borrowed(const Exchanges& exchanges) {
  std::vector<Exchange*> all;
  for (const auto& exchange : exchanges) all.push_back(exchange.get());
  return all;
}

std::unique_ptr<Method> make_method(const Experiment& experiment, const Oracle& oracle,
                                    const Exchanges& exchanges, int rank, int ranks) {
  Exchange& exchange = *exchanges.front();
  ExchangeOptions in_group = experiment.exchange;
  in_group.compressor = for_ranks(in_group.compressor, ranks);
  if (in_group.down) in_group.down->compressor = for_ranks(in_group.down->compressor, ranks);
  const Setting setting{oracle, legs_of(in_group, oracle.layout()), ranks, rank,
                        total_steps(experiment, oracle.examples())};
  std::visit([&](const auto& options) { check_participants(options, ranks); }, experiment.method);
  std::vector<float> start(flat_size(oracle.layout()));
  oracle.initialize(make_key(experiment.seed, kEveryRank, 0, RngPurpose::initialize), start);
  return std::visit(
      Overloaded{
          [&](SyncSgdOptions options) {
            if (oracle.has_prox())
              throw ConfigError("method.sync_sgd",
                                "takes no prox steps, which this problem asks for");
            options.steps = total_steps(experiment, oracle.examples());
            return make_sync_sgd(options, exchange, std::move(start));
          },
          [&](const DescentAscentOptions& options) {
            return make_descent_ascent(options, setting, exchange, std::move(start));
          },
          [&](const ExtragradientOptions& options) {
            return make_extragradient(options, setting, exchange, std::move(start));
          },
          [&](const LocalExtragradientOptions& options) {
            return make_local_extragradient(options, setting, exchange, std::move(start));
          },
          [&](const OptimisticGradientOptions& options) {
            return make_optimistic_gradient(options, setting, exchange, std::move(start));
          },
          [&](const DianaOptions& options) {
            return make_diana(options, setting, exchange, std::move(start));
          },
          [&](const Masha1Options& options) {
            return make_masha1(options, setting, exchange, *exchanges.at(1), std::move(start));
          },
          [&](const Masha2Options& options) {
            return make_masha2(options, setting, exchange, *exchanges.at(1), std::move(start));
          }},
      experiment.method);
}

}  // namespace laconic
