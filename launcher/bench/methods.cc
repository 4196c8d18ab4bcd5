// `laconic bench methods`: experiments on one problem, each with the best rate of one grid, by what
// a worker sends until a target is reached.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/errors.h"
#include "launcher/bench/method_trial.h"
#include "launcher/bench/subjects.h"
#include "train/config.h"
#include "train/durable_file.h"
#include "train/names.h"
#include "train/svg_chart.h"
#include "train/units.h"

namespace laconic::bench {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

struct Options {
  std::vector<fs::path> experiments;
  std::vector<std::string> overrides;
  std::vector<std::uint64_t> seeds{1};
  TrialOptions trial;
  int from = -10, to = 1;  ///< Rates are 2^from / L to 2^to / L.
  fs::path out = "runs/bench_methods";
  fs::path svg;
};

/// The rate of an experiment is 2^power / L.
struct Tried {
  int power;
  double rate;
  Trial trial;
};

/// All that was tried for an experiment and a seed.
struct Tuned {
  std::vector<Tried> tried;
  std::optional<Tried> best;  ///< The fewest steps to the target, if any got there.
};

// ------------------------------------------------------------------------------- results on disk

Json json_of(const ByteCount& b) {
  return {{"values", b.values},
          {"indices", b.indices},
          {"framing", b.framing},
          {"dense", b.dense},
          {"control", b.control}};
}

ByteCount bytes_of(const Json& j) {
  return {j.at("values"), j.at("indices"), j.at("framing"), j.at("dense"), j.at("control")};
}

Json json_of(const Trial& t) {
  Json curve = Json::array();
  for (const CurvePoint& point : t.curve) curve.push_back({point.sent, point.value});
  return {{"reached", t.reached},
          {"diverged", t.diverged},
          {"steps", t.steps},
          {"calls", t.calls},
          {"best", t.best},
          {"sent", json_of(t.sent)},
          {"received", json_of(t.received)},
          {"curve", curve}};
}

Trial trial_of(const Json& j) {
  Trial t;
  t.reached = j.at("reached");
  t.diverged = j.at("diverged");
  t.steps = j.at("steps");
  t.calls = j.at("calls");
  t.sent = bytes_of(j.at("sent"));
  t.received = bytes_of(j.at("received"));
  t.best = j.at("best");
  for (const auto& point : j.at("curve")) t.curve.push_back({point.at(0), point.at(1)});
  return t;
}

/// What makes two trials the same one: kept with each, so that a changed experiment runs anew.
Json identity_of(const Experiment& experiment, const TrialOptions& options) {
  return {{"experiment", fmt::format("{:016x}", experiment.hash)},
          {"ranks", options.ranks},
          {"target", options.target},
          {"measure", options.measure == Measure::distance ? "distance" : "gap"},
          {"score_every", options.score_every}};
}

/// The trial that a file holds, if it is this one. One that was given up at fewer steps than are
/// asked for now says nothing, and neither does a file that is none of ours.
std::optional<Trial> kept_trial(const fs::path& file, const Json& identity,
                                const TrialOptions& options) {
  std::ifstream in(file);
  if (!in) return std::nullopt;
  try {
    const Json kept = Json::parse(in);
    const Trial trial = trial_of(kept.at("trial"));
    const bool whole =
        trial.reached || kept.at("most_steps").get<std::uint64_t>() >= options.most_steps;
    if (kept.at("of") == identity && whole) return trial;
  } catch (const Json::exception&) {
  }
  return std::nullopt;
}

/// A trial that was made before, or a new one, which is kept as soon as it ends.
Trial kept_or_new(const fs::path& file, const Experiment& experiment, const SharedData& data,
                  const TrialOptions& options) {
  const Json identity = identity_of(experiment, options);
  if (const auto kept = kept_trial(file, identity, options)) return *kept;
  const Trial trial = run_trial(experiment, data, options);
  write_durably(
      file,
      Json{{"of", identity}, {"most_steps", options.most_steps}, {"trial", json_of(trial)}}.dump() +
          "\n");
  return trial;
}

// ---------------------------------------------------------------------------------------- tuning

std::string rate_field(const Experiment& experiment) {
  const std::string method = method_name(experiment.method);
  return "method." + method + (method == "sync_sgd" ? ".schedule.rate" : ".rate");
}

Experiment read(const Options& options, const fs::path& file, std::uint64_t seed,
                std::optional<double> rate) {
  auto overrides = options.overrides;
  overrides.push_back(fmt::format("seed={}", seed));
  if (rate) {
    const Experiment plain = read_experiment(file, overrides);
    overrides.push_back(fmt::format("{}={}", rate_field(plain), *rate));
  }
  return read_experiment(file, overrides);
}

/// From the highest rate down, and on past either end of the grid while the best is there; ends
/// when two in a row did worse than the best.
Tuned tune(const Options& options, const fs::path& file, std::uint64_t seed) {
  constexpr int kBeyond = 6;  // powers beyond the grid, at most
  constexpr std::uint64_t kPatience = 2;
  const Experiment plain = read(options, file, seed, std::nullopt);
  const SharedData data = load_data(plain.problem);
  const double smoothness = smoothness_of(plain, data, options.trial.ranks);
  Tuned tuned;
  const auto attempt = [&](int power) {
    const double rate = std::ldexp(1 / smoothness, power);
    TrialOptions trial = options.trial;
    if (tuned.best) trial.most_steps = kPatience * tuned.best->trial.steps;
    const auto path = options.out / fmt::format("{}-seed{}-ranks{}-rate{}.json", plain.name, seed,
                                                trial.ranks, power);
    const Tried tried{power, rate, kept_or_new(path, read(options, file, seed, rate), data, trial)};
    const char* end = tried.trial.reached    ? "reached"
                      : tried.trial.diverged ? "diverged"
                                             : "not reached";
    fmt::print(stderr, "{} seed {} rate 2^{}/L: {} after {} steps, lowest {:.2e}\n", plain.name,
               seed, power, end, tried.trial.steps, tried.trial.best);
    tuned.tried.push_back(tried);
    const bool better =
        tried.trial.reached && (!tuned.best || tried.trial.steps < tuned.best->trial.steps);
    if (better) tuned.best = tried;
    return better;
  };
  int worse = 0;
  for (int power = options.to; power >= options.from - kBeyond && worse < 2; --power) {
    const bool better = attempt(power);
    worse = better || !tuned.best ? 0 : worse + 1;
    if (!tuned.best && power <= options.from) break;
  }
  for (int power = options.to;
       tuned.best && tuned.best->power == power && power < options.to + kBeyond;)
    attempt(++power);
  std::ranges::sort(tuned.tried, {}, &Tried::power);
  return tuned;
}

// ----------------------------------------------------------------------------------------- output

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

/// What a worker says of vectors, in floats: what experiments on paper count.
double values_sent(const Trial& t) {
  return static_cast<double>(t.sent.values + t.sent.dense) / sizeof(float);
}

void print_row(const std::string& name, std::vector<Tuned> tuned,
               const std::vector<Tuned>& reference, std::size_t width) {
  double lowest = 1;
  for (const Tuned& t : tuned)
    for (const Tried& tried : t.tried) lowest = std::min(lowest, tried.trial.best);
  std::map<std::string, std::vector<double>> columns;
  for (std::size_t i = 0; i < tuned.size(); ++i) {
    if (!tuned[i].best) {
      fmt::print("{:<{}}  not reached on seed {} of {}: lowest {:.2e}\n", name, width, i + 1,
                 tuned.size(), lowest);
      return;
    }
    const Trial& t = tuned[i].best->trial;
    const auto add = [&](const char* column, double value) { columns[column].push_back(value); };
    add("power", tuned[i].best->power);
    add("values", values_sent(t));
    add("sent", static_cast<double>(t.sent.total()));
    add("received", static_cast<double>(t.received.total()));
    add("steps", static_cast<double>(t.steps));
    add("calls", static_cast<double>(t.calls));
    if (!reference[i].best) continue;
    const Trial& r = reference[i].best->trial;
    add("of values", values_sent(t) / values_sent(r));
    add("of sent", static_cast<double>(t.sent.total()) / static_cast<double>(r.sent.total()));
    add("of both", static_cast<double>(t.sent.total() + t.received.total()) /
                       static_cast<double>(r.sent.total() + r.received.total()));
  }
  const auto of = [&](const char* column) {
    return columns[column].size() == tuned.size() ? median(columns[column]) : std::nan("");
  };
  fmt::print(
      "{:<{}}  {:>6.3g}  {:>9.0f}  {:>6.2f}  {:>10}  {:>6.2f}  {:>10}  {:>6.2f}  {:>8.0f}  "
      "{:>8.0f}\n",
      name, width, of("power"), of("values"), of("of values"), bytes_text(of("sent")),
      of("of sent"), bytes_text(of("received")), of("of both"), of("steps"), of("calls"));
}

void print_curve(const std::string& name, const Tuned& tuned, std::size_t width) {
  fmt::print("{:<{}} ", name, width);
  for (const Tried& t : tuned.tried)
    fmt::print(
        " 2^{}: {}", t.power,
        t.trial.reached ? fmt::format("{}", t.trial.steps) : fmt::format("({:.0e})", t.trial.best));
  fmt::print("\n");
}

/// The run that stands for an experiment: the best one, or where none arrived the one that came
/// closest.
const Trial& shown(const Tuned& tuned) {
  if (tuned.best) return tuned.best->trial;
  return std::ranges::min_element(tuned.tried, {}, [](const Tried& t) { return t.trial.best; })
      ->trial;
}

void draw(const Options& options, const std::vector<std::string>& names,
          const std::vector<std::vector<Tuned>>& results) {
  const char* measure = options.trial.measure == Measure::distance ? "squared distance" : "gap";
  Chart chart{
      .title = fmt::format("{} over bytes a worker sent, {} ranks", measure, options.trial.ranks),
      .x_label = "bytes sent",
      .y_label = fmt::format("{}, of the start's", measure),
      .log_x = false,
      .series = {}};
  for (std::size_t i = 0; i < results.size(); ++i) {
    ChartSeries series{.name = names[i], .points = {}};
    for (const CurvePoint& point : shown(results[i][0]).curve)
      series.points.emplace_back(static_cast<double>(point.sent), point.value);
    chart.series.push_back(std::move(series));
  }
  write_durably(options.svg, svg_of(chart));
}

ExitStatus run(const Options& options) {
  std::vector<std::string> names;
  std::vector<std::vector<Tuned>> results;
  std::size_t width = std::string("experiment").size();
  for (const auto& file : options.experiments) {
    names.push_back(read(options, file, 1, std::nullopt).name);
    width = std::max(width, names.back().size());
  }
  for (const auto& file : options.experiments) {
    results.emplace_back();
    for (const std::uint64_t seed : options.seeds)
      results.back().push_back(tune(options, file, seed));
  }
  fmt::print(
      "Until the {} is {:g} of the start's; {} ranks, medians of {} instances; x: over those "
      "of {}.\nWhat the last rank sent and received, framing and control included.\n\n",
      options.trial.measure == Measure::distance ? "squared distance" : "gap", options.trial.target,
      options.trial.ranks, options.seeds.size(), names[0]);
  fmt::print("{:<{}}  {:>6}  {:>9}  {:>6}  {:>10}  {:>6}  {:>10}  {:>6}  {:>8}  {:>8}\n",
             "experiment", width, "log2 r", "values", "x", "sent", "x", "received", "x both",
             "rounds", "calls");
  for (std::size_t i = 0; i < results.size(); ++i)
    print_row(names[i], results[i], results[0], width);
  fmt::print(
      "\nRounds by rate, in powers of 2 over L, on the first instance (lowest value seen where "
      "the target was not reached):\n");
  for (std::size_t i = 0; i < results.size(); ++i) print_curve(names[i], results[i][0], width);
  if (!options.svg.empty()) draw(options, names, results);
  return ExitStatus::done;
}

}  // namespace

void add_methods(CLI::App& bench, Action& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* sub = bench.add_subcommand(
      "methods",
      "What experiments on one problem send until a target is reached, each with the "
      "best rate of a grid");
  sub->add_option("experiments", options->experiments, "The first is what others are compared to")
      ->required();
  sub->add_option("--set", options->overrides, "Set a field in all of them; repeatable")
      ->allow_extra_args(false);
  sub->add_option("--ranks", options->trial.ranks, "Threads of this process")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  sub->add_option("--seeds", options->seeds, "Instances of the problem: 1,2,3")->delimiter(',');
  sub->add_option("--target", options->trial.target, "Of the measure, relative to the start")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  const std::map<std::string, Measure> measures{{"distance", Measure::distance},
                                                {"gap", Measure::gap}};
  sub->add_option("--measure", options->trial.measure, "distance (squared) or gap")
      ->transform(CLI::CheckedTransformer(measures));
  sub->add_option("--score-every", options->trial.score_every, "Steps")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  sub->add_option("--from", options->from, "Lowest rate of the grid: 2^FROM / L")
      ->capture_default_str();
  sub->add_option("--to", options->to, "Highest rate of the grid: 2^TO / L")->capture_default_str();
  sub->add_option("--out", options->out, "Keeps the result of every trial, to go on from")
      ->capture_default_str();
  sub->add_option("--svg", options->svg,
                  "Draw the measure over bytes, of the first instance, into this file");
  sub->callback([options, &chosen] { chosen = [options] { return run(*options); }; });
}

}  // namespace laconic::bench
