// `laconic bench methods`: experiments on one problem, each with the best rate of one grid, by what
// a worker sends until a target is reached.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <sstream>

#include "base/errors.h"
#include "launcher/bench/kept_trial.h"
#include "launcher/bench/subjects.h"
#include "train/config.h"
#include "train/durable_file.h"
#include "train/names.h"
#include "train/svg_chart.h"
#include "train/units.h"

namespace laconic::bench {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::vector<std::string> experiments;  ///< FILE or FILE,FIELD=VALUE,...
  std::vector<std::string> overrides;
  std::vector<std::uint64_t> seeds{1};
  TrialOptions trial;
  int from = -10, to = 1;  ///< Rates are 2^from / L to 2^to / L.
  bool only_grid = false;  ///< The best may be at an edge of them.
  int refine = 0;          ///< How often the step between powers is halved, around the best.
  double patience = 1.5;   ///< Times the steps of the best so far that a trial gets.
  fs::path out = "runs/bench_methods";
  fs::path svg;
};

/// An experiment with fields of its own.
struct Candidate {
  fs::path file;
  std::vector<std::string> overrides;
  std::string name;
};

/// The rate of an experiment is 2^power / L.
struct Tried {
  double power;
  Trial trial;
};

/// All that was tried for an experiment and a seed.
struct Tuned {
  std::vector<Tried> tried;
  std::optional<Tried> best;  ///< The fewest steps to the target, if any got there.
};

// ---------------------------------------------------------------------------------------- tuning

std::string rate_field(const Experiment& experiment) {
  const std::string method = method_name(experiment.method);
  return "method." + method + (method == "sync_sgd" ? ".schedule.rate" : ".rate");
}

Experiment read(const Options& options, const Candidate& candidate, std::uint64_t seed,
                std::optional<double> rate) {
  auto overrides = options.overrides;
  overrides.insert(overrides.end(), candidate.overrides.begin(), candidate.overrides.end());
  overrides.push_back(fmt::format("seed={}", seed));
  if (rate) {
    const Experiment plain = read_experiment(candidate.file, overrides);
    overrides.push_back(fmt::format("{}={}", rate_field(plain), *rate));
  }
  return read_experiment(candidate.file, overrides);
}

/// Finds the best rate for a candidate on one instance.
class Tuner {
 public:
  /// `bilinear`: shared by candidates, since an instance takes time.
  Tuner(const Options& options, const Candidate& candidate, std::uint64_t seed,
        std::shared_ptr<BilinearOnce> bilinear)
      : options_(options), candidate_(candidate), seed_(seed) {
    const Experiment experiment = read(options, candidate, seed, std::nullopt);
    data_ = load_data(experiment.problem);
    data_.bilinear = std::move(bilinear);
    smoothness_ = smoothness_of(experiment, data_, options.trial.ranks);
  }

  Tuned tune() {
    search();
    for (double step = 0.5; tuned_.best && step >= std::ldexp(1, -options_.refine); step /= 2) {
      const double middle = tuned_.best->power;
      for (const double side : {step, -step}) attempt(middle + side);
    }
    std::ranges::sort(tuned_.tried, {}, &Tried::power);
    return tuned_;
  }

 private:
  /// From the highest rate down, and on past either end of the grid while the best is there, unless
  /// only the grid is asked for; ends when one did worse than the best.
  void search() {
    const int beyond = options_.only_grid ? 0 : 6;  // powers beyond the grid, at most
    for (int power = options_.to; power >= options_.from - beyond; --power) {
      const bool better = attempt(power);
      if (tuned_.best ? !better : power <= options_.from) break;
    }
    for (int power = options_.to;
         tuned_.best && tuned_.best->power == power && power < options_.to + beyond;)
      attempt(++power);
  }

  /// Whether it is the best so far.
  bool attempt(double power) {
    const double rate = std::exp2(power) / smoothness_;
    TrialOptions trial = options_.trial;
    if (tuned_.best)
      trial.most_steps = static_cast<std::uint64_t>(options_.patience *
                                                    static_cast<double>(tuned_.best->trial.steps));
    const auto file = options_.out / fmt::format("{}-seed{}-ranks{}-rate{}.json", candidate_.name,
                                                 seed_, trial.ranks, power);
    const auto name = fmt::format("{} seed {} rate 2^{}/L", candidate_.name, seed_, power);
    trial.progress = [&](std::uint64_t steps, double value) {
      fmt::print(stderr, "{}: {:.2e} after {} steps\n", name, value, steps);
    };
    const Tried tried{power,
                      kept_or_new(file, read(options_, candidate_, seed_, rate), data_, trial)};
    const char* end = tried.trial.reached    ? "reached"
                      : tried.trial.diverged ? "diverged"
                                             : "not reached";
    fmt::print(stderr, "{}: {} after {} steps, lowest {:.2e}\n", name, end, tried.trial.steps,
               tried.trial.best);
    tuned_.tried.push_back(tried);
    const bool better =
        tried.trial.reached && (!tuned_.best || tried.trial.steps < tuned_.best->trial.steps);
    if (better) tuned_.best = tried;
    return better;
  }

  const Options& options_;
  const Candidate& candidate_;
  std::uint64_t seed_;
  SharedData data_;
  double smoothness_ = 0;
  Tuned tuned_;
};

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

void draw(const Options& options, const std::vector<Candidate>& candidates,
          const std::vector<std::vector<Tuned>>& results) {
  const char* measure = options.trial.measure == Measure::distance ? "squared distance" : "gap";
  Chart chart{
      .title = fmt::format("{} over bytes a worker sent, {} ranks", measure, options.trial.ranks),
      .x_label = "bytes sent",
      .y_label = fmt::format("{}, of the start's", measure),
      .log_x = false,
      .ratio_y = true,
      .series = {}};
  for (std::size_t i = 0; i < results.size(); ++i) {
    ChartSeries series{.name = candidates[i].name, .points = {}};
    for (const CurvePoint& point : shown(results[i][0]).curve)
      series.points.emplace_back(static_cast<double>(point.sent), point.value);
    chart.series.push_back(std::move(series));
  }
  write_durably(options.svg, svg_of(chart));
}

/// Throws ConfigError where two have one name: it is what rows and kept trials are told apart by.
std::vector<Candidate> candidates_of(const Options& options) {
  std::vector<Candidate> all;
  for (const std::string& text : options.experiments) {
    std::vector<std::string> parts;
    std::istringstream in(text);
    for (std::string part; std::getline(in, part, ',');) parts.push_back(part);
    Candidate candidate{parts.at(0), {parts.begin() + 1, parts.end()}, {}};
    candidate.name = read(options, candidate, options.seeds[0], std::nullopt).name;
    if (std::ranges::find(all, candidate.name, &Candidate::name) != all.end())
      throw ConfigError("experiments", "two are called " + candidate.name +
                                           ": expected names that differ, as by FILE,name=...");
    all.push_back(std::move(candidate));
  }
  return all;
}

ExitStatus run(const Options& options) {
  const std::vector<Candidate> candidates = candidates_of(options);
  std::size_t width = std::string("experiment").size();
  for (const Candidate& candidate : candidates) width = std::max(width, candidate.name.size());
  std::vector<std::vector<Tuned>> results(candidates.size());
  const auto bilinear = std::make_shared<BilinearOnce>();
  for (const std::uint64_t seed : options.seeds)
    for (std::size_t i = 0; i < candidates.size(); ++i)
      results[i].push_back(Tuner(options, candidates[i], seed, bilinear).tune());
  fmt::print(
      "Until the {} is {:g} of the start's; {} ranks, medians of {} instances; x: over those "
      "of {}.\nWhat the last rank sent and received, framing and control included.\n\n",
      options.trial.measure == Measure::distance ? "squared distance" : "gap", options.trial.target,
      options.trial.ranks, options.seeds.size(), candidates[0].name);
  fmt::print("{:<{}}  {:>6}  {:>9}  {:>6}  {:>10}  {:>6}  {:>10}  {:>6}  {:>8}  {:>8}\n",
             "experiment", width, "log2 r", "values", "x", "sent", "x", "received", "x both",
             "rounds", "calls");
  for (std::size_t i = 0; i < results.size(); ++i)
    print_row(candidates[i].name, results[i], results[0], width);
  fmt::print(
      "\nRounds by rate, in powers of 2 over L, on the first instance (lowest value seen where "
      "the target was not reached):\n");
  for (std::size_t i = 0; i < results.size(); ++i)
    print_curve(candidates[i].name, results[i][0], width);
  if (!options.svg.empty()) draw(options, candidates, results);
  return ExitStatus::done;
}

}  // namespace

void add_methods(CLI::App& bench, Action& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* sub = bench.add_subcommand(
      "methods",
      "What experiments on one problem send until a target is reached, each with the "
      "best rate of a grid");
  sub->add_option("experiments", options->experiments,
                  "FILE or FILE,FIELD=VALUE,...; the first is what others are compared to")
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
  sub->add_flag("--only-grid", options->only_grid,
                "Tries nothing beyond the grid: the best may be at its edge");
  sub->add_option("--patience", options->patience,
                  "A trial is given up after this times the rounds of the best so far")
      ->check(CLI::Range(1.0, 1e6))
      ->capture_default_str();
  sub->add_option(
         "--refine", options->refine,
         "Then tries rates between powers of 2, in steps down to 2^(2^-REFINE), around the "
         "best")
      ->check(CLI::Range(0, 6))
      ->capture_default_str();
  sub->add_option("--out", options->out, "Keeps the result of every trial, to go on from")
      ->capture_default_str();
  sub->add_option("--svg", options->svg,
                  "Draw the measure over bytes, of the first instance, into this file");
  sub->callback([options, &chosen] { chosen = [options] { return run(*options); }; });
}

}  // namespace laconic::bench
