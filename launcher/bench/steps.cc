// `laconic bench steps`: what a training step takes by each exchange, over one that sends nothing.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <memory>
#include <numeric>

#include "base/clock.h"
#include "collectives/control.h"
#include "collectives/ledger.h"
#include "collectives/subgroup.h"
#include "launcher/assemble.h"
#include "launcher/bench/exchange_settings.h"
#include "launcher/bench/links_json.h"
#include "launcher/bench/subjects.h"
#include "launcher/bench/sweep.h"
#include "launcher/world_flags.h"
#include "train/choice.h"
#include "train/config.h"
#include "train/loop.h"
#include "train/names.h"

namespace laconic::bench {
namespace {

constexpr std::size_t kLeastRounds = 3;
constexpr double kMostSteps = 50;  // in a block

struct Options {
  WorldFlags world;
  std::filesystem::path experiment;
  std::vector<std::string> overrides, settings;
  std::size_t bucket_bytes = std::size_t{1} << 20;
  double seconds = 10, block_seconds = 1;
  bool json = false;
};

/// Where the steps of a block spent their time, on this rank; each a step's.
struct Parts {
  double compute = 0, compress = 0, wait = 0, decode = 0, apply = 0, hidden = 0;

  void add(const Report& r, double weight) {
    compute += weight * r.compute, compress += weight * r.compress, wait += weight * r.wait;
    decode += weight * r.decode, apply += weight * r.apply, hidden += weight * r.hidden;
  }
};

/// A training of its own: parameters, method and exchange.
class Training {
 public:
  /// `transport`: what the exchange sees; the method belongs to rank `rank` of `ranks` in any case.
  Training(Experiment experiment, ExchangeOptions exchange, Transport& transport, Oracle& oracle,
           int rank, int ranks)
      : experiment_(with(std::move(experiment), std::move(exchange))),
        transport_(count_bytes(transport, ledger_)),
        oracle_(oracle),
        exchanges_(make_exchanges(experiment_, *transport_, oracle.layout())),
        method_(make_method(experiment_, oracle, exchanges_, rank, ranks)) {}

  const Experiment& experiment() const { return experiment_; }
  Floats parameters() const { return method_->parameters(); }

  /// Seconds a step, on this rank, after one that does not count: it fills caches, and the pipeline
  /// of an exchange that is late.
  double steps(std::size_t count) {
    const std::uint64_t before = ledger_.sent.total();
    step();
    parts_ = {};
    const Stopwatch watch;
    for (std::size_t i = 0; i < count; ++i) parts_.add(step(), 1 / static_cast<double>(count));
    const double seconds = watch.seconds();
    for (const auto& exchange : exchanges_) exchange->drain();
    sent_ = static_cast<double>(ledger_.sent.total() - before) / static_cast<double>(count + 1);
    return seconds / static_cast<double>(count);
  }

  const Parts& parts() const { return parts_; }  ///< Of the last block.
  double sent() const { return sent_; }          ///< Bytes a step, in the last block.

 private:
  static Experiment with(Experiment experiment, ExchangeOptions exchange) {
    experiment.exchange = std::move(exchange);
    experiment.automatic.reset();
    return experiment;
  }

  Report step() {
    const RngKey key = make_key(experiment_.seed, kEveryRank, index_, RngPurpose::compress);
    return method_->step(oracle_, {index_++, key, {}});
  }

  const Experiment experiment_;
  Ledger ledger_;
  std::unique_ptr<Transport> transport_;
  Oracle& oracle_;
  Exchanges exchanges_;
  std::unique_ptr<Method> method_;
  std::uint64_t index_ = 0;
  Parts parts_;
  double sent_ = 0;
};

/// Of one exchange. Seconds are a step's, means over ranks.
struct Row {
  std::string setting;
  std::vector<double> seconds, bare;  ///< By round; a step without communication, just before.
  double sent_mean = 0, predicted = 0;
  Parts parts;  ///< Of rank 0, mean over rounds.

  Spread over_bare() const { return ratios(seconds, bare); }
};

double mean_over_ranks(Transport& transport, double mine) {
  const auto all = of_all_ranks(transport, mine);
  return std::accumulate(all.begin(), all.end(), 0.0) / transport.size();
}

class StepBench {
 public:
  StepBench(const Options& options, const Experiment& experiment, const SharedData& data,
            Transport& transport)
      : options_(options),
        transport_(transport),
        oracle_(make_oracle(experiment, data, transport.rank(), transport.size())),
        alone_(subgroup(transport, {transport.rank()})),
        bare_(training(experiment, {.kind = DenseOptions{"naive"}}, *alone_)),
        links_(measure_links(transport)) {
    AutoOptions all;
    for (const std::string& setting : options.settings) {
      all.allowed.push_back(exchange_of(setting, options.bucket_bytes));
      trainings_.push_back(training(experiment, all.allowed.back(), transport));
      rows_.push_back({.setting = setting, .seconds = {}, .bare = {}, .parts = {}});
    }
    const Sample sample{0, batch_of(experiment.method)};
    forecast_ = choose_exchange(all, std::nullopt, *oracle_, bare_->parameters(), sample, transport,
                                links_);
    for (std::size_t i = 0; i < rows_.size(); ++i) rows_[i].predicted = forecast_.seconds[i];
  }

  const LinkModel& links() const { return links_; }
  const Forecast& forecast() const { return forecast_; }
  const std::vector<Row>& rows() const { return rows_; }

  /// All of them in turn, each block of steps behind one without communication, until each has had
  /// its seconds.
  void run() {
    const std::size_t bare_count = count_of(*bare_);
    std::vector<std::size_t> counts;
    for (const auto& training : trainings_) counts.push_back(count_of(*training));
    std::vector<double> spent(rows_.size());
    const auto enough = [&](std::size_t i) {
      return rows_[i].seconds.size() >= kLeastRounds && spent[i] >= options_.seconds;
    };
    for (bool any = true; any;) {
      any = false;
      for (std::size_t i = 0; i < rows_.size(); ++i) {
        if (enough(i)) continue;
        any = true;
        rows_[i].bare.push_back(block(*bare_, bare_count));
        rows_[i].seconds.push_back(block(*trainings_[i], counts[i]));
        spent[i] += rows_[i].seconds.back() * static_cast<double>(counts[i]);
        note(rows_[i], *trainings_[i]);
      }
    }
  }

 private:
  std::unique_ptr<Training> training(const Experiment& experiment, const ExchangeOptions& exchange,
                                     Transport& transport) {
    return std::make_unique<Training>(experiment, exchange, transport, *oracle_, transport_.rank(),
                                      transport_.size());
  }

  double block(Training& training, std::size_t count) {
    barrier(transport_, channels::control);
    return mean_over_ranks(transport_, training.steps(count));
  }

  /// Steps that take about a block's time.
  std::size_t count_of(Training& training) {
    const double steps = std::ceil(options_.block_seconds / block(training, 1));
    return static_cast<std::size_t>(std::clamp(steps, 1.0, kMostSteps));
  }

  void note(Row& row, const Training& training) {
    const auto rounds = static_cast<double>(row.seconds.size());
    row.sent_mean += (mean_over_ranks(transport_, training.sent()) - row.sent_mean) / rounds;
    const Parts& p = training.parts();
    row.parts.compute += (p.compute - row.parts.compute) / rounds;
    row.parts.compress += (p.compress - row.parts.compress) / rounds;
    row.parts.wait += (p.wait - row.parts.wait) / rounds;
    row.parts.decode += (p.decode - row.parts.decode) / rounds;
    row.parts.apply += (p.apply - row.parts.apply) / rounds;
    row.parts.hidden += (p.hidden - row.parts.hidden) / rounds;
  }

  const Options& options_;
  Transport& transport_;
  std::unique_ptr<Oracle> oracle_;
  std::unique_ptr<Transport> alone_;
  std::unique_ptr<Training> bare_;
  LinkModel links_;
  std::vector<std::unique_ptr<Training>> trainings_;
  std::vector<Row> rows_;
  Forecast forecast_;
};

// ---------------------------------------------------------------------------------- reporting

/// What AUTO would take over the best of all, in rounds that both have.
Spread of_choice(const StepBench& bench) {
  const auto& rows = bench.rows();
  const auto median = [](const Row& row) { return row.over_bare().median; };
  const Row& best = *std::min_element(
      rows.begin(), rows.end(), [&](const Row& a, const Row& b) { return median(a) < median(b); });
  std::vector<double> chosen = rows[bench.forecast().choice].seconds, others = best.seconds;
  const std::size_t both = std::min(chosen.size(), others.size());
  chosen.resize(both), others.resize(both);
  return ratios(chosen, others);
}

/// Of the column in which exchanges are.
std::size_t width(const Options& options) {
  std::size_t longest = 0;
  for (const std::string& setting : options.settings) longest = std::max(longest, setting.size());
  return longest;
}

void print_head(const StepBench& bench, const Options& options, const Experiment& experiment,
                const Transport& transport) {
  fmt::print(
      "{}, {} ({})\n{}\n"
      "A step over one without communication, which ran just before on the same processors: median "
      "(quartiles). Parts are\nrank 0's; hidden is work and waiting behind the computation. * AUTO "
      "would take.\n\n"
      "  {:<{}} {:>9} {:>9}  {:<19} {:>9} {:>10}  {:>8} {:>8} {:>8} {:>8}\n",
      problem_name(experiment.problem), describe(bench.links()), transport.name(),
      bench.forecast().reason, "exchange", width(options), "bare", "step", "ratio", "predicted",
      "sent/rank", "compress", "wait", "decode", "hidden");
  std::fflush(stdout);
}

void print_row(const Row& row, std::size_t width, bool chosen) {
  fmt::print("{} {:<{}} {:>9} {:>9}  {:<19} {:>9} {:>10.0f}  {:>8} {:>8} {:>8} {:>8}\n",
             chosen ? '*' : ' ', row.setting, width, time_text(spread_of(row.bare).median),
             time_text(spread_of(row.seconds).median), text_of(row.over_bare()),
             time_text(row.predicted), row.sent_mean, time_text(row.parts.compress),
             time_text(row.parts.wait), time_text(row.parts.decode), time_text(row.parts.hidden));
}

nlohmann::ordered_json json_of(const Spread& spread) {
  return {{"lower", spread.lower}, {"median", spread.median}, {"upper", spread.upper}};
}

nlohmann::ordered_json json_of(const Row& row) {
  return {{"exchange", row.setting},
          {"rounds", row.seconds.size()},
          {"bare_seconds", json_of(spread_of(row.bare))},
          {"seconds", json_of(spread_of(row.seconds))},
          {"over_bare", json_of(row.over_bare())},
          {"predicted_seconds", row.predicted},
          {"sent_bytes_per_rank", row.sent_mean},
          {"compute_seconds", row.parts.compute},
          {"compress_seconds", row.parts.compress},
          {"wait_seconds", row.parts.wait},
          {"decode_seconds", row.parts.decode},
          {"apply_seconds", row.parts.apply},
          {"hidden_seconds", row.parts.hidden}};
}

void report(const StepBench& bench, const Options& options, const Transport& transport) {
  const auto& rows = bench.rows();
  if (options.json) {
    auto list = nlohmann::ordered_json::array();
    for (const Row& row : rows) list.push_back(json_of(row));
    std::cout << nlohmann::ordered_json{{"transport", transport.name()},
                                        {"links", bench::json_of(bench.links())},
                                        {"auto_choice", rows[bench.forecast().choice].setting},
                                        {"auto_over_best", json_of(of_choice(bench))},
                                        {"reason", bench.forecast().reason},
                                        {"rows", list}}
                     .dump(2)
              << std::endl;
    return;
  }
  for (std::size_t i = 0; i < rows.size(); ++i)
    print_row(rows[i], width(options), i == bench.forecast().choice);
  fmt::print("what AUTO would take, over the best: {}\n", text_of(of_choice(bench)));
  std::fflush(stdout);
}

ExitStatus run(Options options) {
  if (options.settings.empty()) options.settings = useful_settings();
  for (const std::string& setting : options.settings) exchange_of(setting, options.bucket_bytes);
  const Experiment experiment = read_experiment(options.experiment, options.overrides);
  const SharedData data = load_data(experiment.problem);
  set_compute_threads(experiment.compute_threads);
  WorldOptions world = options.world.options();
  world.deadline_seconds = experiment.deadline_seconds;
  run_ranks(world, [&](Transport& transport) {
    const bool speaks = transport.rank() == 0, table = speaks && !options.json;
    StepBench bench(options, experiment, data, transport);
    if (table) print_head(bench, options, experiment, transport);
    bench.run();
    if (speaks) report(bench, options, transport);
  });
  return ExitStatus::done;
}

}  // namespace

void add_steps(CLI::App& bench, Action& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* sub = bench.add_subcommand(
      "steps", "A training step by each exchange, over one without communication");
  options->world.add_to(*sub);
  sub->add_option("experiment", options->experiment, "Whose problem and method are used")
      ->required();
  sub->add_option("exchanges", options->settings,
                  "As in an experiment: 'owner {} compressor { top_k { density: 0.001 } }'");
  sub->add_option("--set", options->overrides, "Set a field of the experiment; repeatable")
      ->allow_extra_args(false);
  sub->add_option("--bucket-bytes", options->bucket_bytes,
                  "exchange.bucket_bytes, of those that do not say")
      ->check(CLI::Range(std::size_t{4}, std::size_t{1} << 40))
      ->capture_default_str();
  sub->add_option("--seconds", options->seconds,
                  fmt::format("Of steps by each exchange, at least {} blocks", kLeastRounds))
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  sub->add_option("--block", options->block_seconds,
                  "Seconds of steps between two looks at the clock, at least one step")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  sub->add_flag("--json", options->json, "For programs");
  sub->callback([options, &chosen] { chosen = [options] { return run(*options); }; });
}

}  // namespace laconic::bench
