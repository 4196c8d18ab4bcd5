// `laconic bench exchanges`: what an average costs by each exchange, what the model had said it
// would, and how far it is from the exact one.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <memory>
#include <numeric>

#include "collectives/control.h"
#include "collectives/exchange_cost.h"
#include "collectives/ledger.h"
#include "launcher/bench/exchange_settings.h"
#include "launcher/bench/links_json.h"
#include "launcher/bench/subjects.h"
#include "launcher/bench/sweep.h"
#include "launcher/bench/vectors.h"
#include "launcher/world_flags.h"
#include "train/names.h"

namespace laconic::bench {
namespace {

constexpr std::size_t kMostRounds = 20;
constexpr std::size_t kGradients = 8;  // of as many steps: ranks have other ones
/// Ranks that rehearse side by side, as they will work. Each rehearses all ranks, so that many
/// would take long.
constexpr int kRehearse = 4;

struct Options {
  WorldFlags world;
  std::vector<std::string> settings;
  std::size_t min_size = 16'000, max_size = 1'663'370;
  std::size_t bucket_bytes = std::size_t{8} << 20;
  SweepOptions sweep{.factor = 10, .svg = {}};
};

/// Of an exchange; lengths are floats.
struct Row : Measured {
  double work = 0;       // seconds: what the busiest rank computes, of what is predicted
  double sent_mean = 0;  // bytes
  double error = 0;      // |average - exact|² / |exact|², of the first step
};

/// Gradients of a real model where there are any, for all ranks of this process.
class Gradients {
 public:
  explicit Gradients(std::size_t size) : size_(size), all_(real_gradients(size * kGradients)) {
    real_ = !all_.empty();
    if (!real_) all_ = gaussian(size * kGradients);
  }

  bool real() const { return real_; }
  Floats of(int rank, std::size_t size) const {
    return Floats(all_).subspan(static_cast<std::size_t>(rank) % kGradients * size_, size);
  }

  std::vector<float> mean(int ranks, std::size_t size) const {
    std::vector<float> mean(size);
    for (int k = 0; k < std::min(ranks, static_cast<int>(kGradients)); ++k) {
      const int those = (ranks - k - 1) / static_cast<int>(kGradients) + 1;
      const float weight = static_cast<float>(those) / static_cast<float>(ranks);
      const Floats gradient = of(k, size);
      for (std::size_t i = 0; i < size; ++i) mean[i] += weight * gradient[i];
    }
    return mean;
  }

 private:
  std::size_t size_;
  bool real_ = false;
  std::vector<float> all_;
};

// ---------------------------------------------------------------------------------- measuring

class ExchangeBench {
 public:
  ExchangeBench(const Options& options, const Gradients& gradients, Transport& transport)
      : options_(options),
        gradients_(gradients),
        transport_(transport),
        links_(measure_links(transport)),
        gun_(transport, transport.size() == 1 ? 0 : links_.link(0, 1).latency_seconds) {}

  const LinkModel& links() const { return links_; }

  /// Every exchange, on vectors of one size, in turn.
  std::vector<Row> rows_of(std::size_t size) {
    const Layout layout = square_and_rest(size);
    const Floats mine = gradients_.of(transport_.rank(), size);
    exact_ = gradients_.mean(transport_.size(), size);

    std::vector<Row> rows;
    std::vector<std::unique_ptr<Exchange>> exchanges;
    std::vector<std::function<void()>> works;
    for (const std::string& setting : options_.settings) {
      const ExchangeOptions options = exchange_of(setting, options_.bucket_bytes);
      Row row;
      row.subject = exchange_name(options), row.length = size;
      predict(options, layout, mine, row);
      if (*row.predicted > options_.sweep.limit) continue;
      average_once(options, layout, row);
      rows.push_back(row);
      exchanges.push_back(make_exchange(options, transport_, layout));
      works.push_back([this, exchange = exchanges.back().get(), mine] {
        vector_.assign(mine.begin(), mine.end());
        average(*exchange);
      });
    }
    std::vector<Measured*> measured;
    for (Row& row : rows) measured.push_back(&row);
    time_in_turn(gun_, works, options_.sweep.seconds, kMostRounds, measured);
    return rows;
  }

 private:
  void average(Exchange& exchange) {
    exchange.begin(vector_, {},
                   {steps_, make_key(1, kEveryRank, steps_, RngPurpose::compress), {}});
    exchange.finish();
    ++steps_;
  }

  /// By rank 0, for all.
  void predict(const ExchangeOptions& options, const Layout& layout, Floats mine, Row& row) {
    double seconds = 0;
    if (transport_.rank() < kRehearse) {
      const ExchangeCost cost(options, layout, links_, mine);
      row.work = cost.work_seconds();
      if (transport_.rank() == 0) seconds = cost.step_seconds(links_, {});
    }
    row.predicted = of_all_ranks(transport_, seconds).front();
  }

  /// For what it sends and how far off it is.
  void average_once(const ExchangeOptions& options, const Layout& layout, Row& row) {
    Ledger ledger;
    const auto counted = count_bytes(transport_, ledger);
    const Floats mine = gradients_.of(transport_.rank(), exact_.size());
    vector_.assign(mine.begin(), mine.end());
    average(*make_exchange(options, *counted, layout));
    double off = 0, all = 0;
    for (std::size_t i = 0; i < exact_.size(); ++i) {
      const double exact = exact_[i], difference = vector_[i] - exact;
      off += difference * difference, all += exact * exact;
    }
    row.error = off / all;
    const auto sent = of_all_ranks(transport_, static_cast<double>(ledger.sent.total()));
    row.sent_mean = std::accumulate(sent.begin(), sent.end(), 0.0) / transport_.size();
  }

  const Options& options_;
  const Gradients& gradients_;
  Transport& transport_;
  LinkModel links_;
  StartingGun gun_;
  std::vector<float> vector_, exact_;
  std::uint64_t steps_ = 0;
};

// ---------------------------------------------------------------------------------- reporting

void print_head(const Options& options, const ExchangeBench& bench, const Gradients& gradients,
                const Transport& transport) {
  fmt::print(
      "{} ({})\nbuckets of up to {} B; {}; all is final before the exchange begins. Times are "
      "those "
      "of the slowest\nrank: median (quartiles). Errors are |average - exact|²/|exact|² of one "
      "step, what is sent a rank's mean.\n\n",
      describe(bench.links()), transport.name(), options.bucket_bytes,
      gradients.real() ? "gradients of the FedAvg CNN" : "Gaussian vectors");
  fmt::print("{:>9}  {:<52} {:>10} {:>23} {:>6}  {:>10} {:>5}  {:>11}  {:>8}\n", "floats",
             "exchange", "time", "quartiles", "rounds", "predicted", "ratio", "sent/rank", "error");
}

void print_row(const Row& row) {
  fmt::print("{:>9}  {:<52} {:>10} {:>23} {:>6}  {:>10} {:>5.2f}  {:>11.0f}  {:>8.2g}\n",
             row.length, row.subject, time_text(row.seconds.median),
             time_text(row.seconds.lower) + " - " + time_text(row.seconds.upper), row.rounds,
             time_text(*row.predicted), *row.predicted / row.seconds.median, row.sent_mean,
             row.error);
  std::fflush(stdout);
}

nlohmann::ordered_json json_of(const Row& row) {
  return {{"exchange", row.subject},
          {"floats", row.length},
          {"seconds",
           {{"lower", row.seconds.lower},
            {"median", row.seconds.median},
            {"upper", row.seconds.upper}}},
          {"rounds", row.rounds},
          {"predicted_seconds", *row.predicted},
          {"work_seconds", row.work},
          {"sent_bytes_per_rank", row.sent_mean},
          {"error", row.error}};
}

void run_rank(const Options& options, const Gradients& gradients, Transport& transport) {
  const bool speaks = transport.rank() == 0, table = speaks && !options.sweep.json;
  ExchangeBench bench(options, gradients, transport);
  if (table) print_head(options, bench, gradients, transport);
  std::vector<Row> rows;
  for (std::size_t size = options.max_size;; size /= options.sweep.factor) {
    for (const Row& row : bench.rows_of(size)) {
      rows.push_back(row);
      if (table) print_row(row);
    }
    if (size / options.sweep.factor < options.min_size) break;
  }
  if (!speaks) return;
  const std::vector<Measured> measured(rows.begin(), rows.end());
  const Judgement j = judge(measured);
  if (table && transport.size() > 1)
    fmt::print(
        "model: median error {:.0f} %; its choice within {:.0f} % of the best at {} of {} "
        "sizes\n",
        1e2 * j.median_error, 1e2 * (kAsGood - 1), j.chose_well, j.lengths);
  if (options.sweep.json) {
    auto list = nlohmann::ordered_json::array();
    for (const Row& row : rows) list.push_back(json_of(row));
    std::cout << nlohmann::ordered_json{{"transport", transport.name()},
                                        {"links", bench::json_of(bench.links())},
                                        {"real_gradients", gradients.real()},
                                        {"rows", list},
                                        {"model_median_error", j.median_error},
                                        {"model_chose_well", j.chose_well},
                                        {"sizes", j.lengths}}
                     .dump(2)
              << std::endl;
  }
  std::fflush(stdout);
  if (!options.sweep.svg.empty())
    draw(options.sweep.svg,
         fmt::format("Exchanges, {} ranks over {}", transport.size(), transport.name()), "floats",
         measured);
}

ExitStatus run(Options options) {
  if (options.settings.empty()) options.settings = useful_settings();
  for (const std::string& setting : options.settings) exchange_of(setting, options.bucket_bytes);
  if (options.min_size == 0 || options.max_size < options.min_size)
    throw ConfigError("--min-size", "at least 1, and not above --max-size");
  const Gradients gradients(options.max_size);
  run_ranks(options.world.options(), [&](Transport& t) { run_rank(options, gradients, t); });
  return ExitStatus::done;
}

}  // namespace

void add_exchanges(CLI::App& bench, Action& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* sub = bench.add_subcommand(
      "exchanges", "Time, bytes and error of an average by every exchange, measured and predicted");
  options->world.add_to(*sub);
  sub->add_option("exchanges", options->settings,
                  "As in an experiment: 'owner {} compressor { top_k { density: 0.001 } }'");
  sub->add_option("--min-size", options->min_size, "Of the shortest vector, in floats")
      ->capture_default_str();
  sub->add_option("--max-size", options->max_size, "Of the longest")->capture_default_str();
  sub->add_option("--bucket-bytes", options->bucket_bytes, "As exchange.bucket_bytes")
      ->check(CLI::Range(std::size_t{4}, std::size_t{1} << 40))
      ->capture_default_str();
  options->sweep.add_to(*sub, "size", "size and exchange");
  sub->callback([options, &chosen] { chosen = [options] { return run(*options); }; });
}

}  // namespace laconic::bench
