// `laconic bench collectives`: every allreduce over its lengths, in the manner of nccl-tests.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <memory>
#include <numeric>
#include <optional>

#include "base/errors.h"
#include "collectives/control.h"
#include "collectives/cost_model.h"
#include "collectives/ledger.h"
#include "launcher/bench/links_json.h"
#include "launcher/bench/subjects.h"
#include "launcher/bench/sweep.h"
#include "launcher/world_flags.h"

namespace laconic::bench {
namespace {

constexpr Tag kSum{channels::collective, Purpose::dense};
constexpr std::size_t kMostRounds = 100;

struct Options {
  WorldFlags world;
  std::vector<std::string> algorithms;
  std::size_t min_bytes = 4, max_bytes = std::size_t{64} << 20;
  SweepOptions sweep;
};

/// One of ours, the transport's own, or what it is held against: all ranks copy a vector at once.
struct Subject {
  std::string name;
  const AllreduceAlgorithm* ours = nullptr;
  bool is_copy = false;
};
constexpr std::string_view kCopy = "memcpy";

/// Of an allreduce; lengths are bytes.
struct Row : Measured {
  std::optional<std::size_t> messages;            // of ours, on the critical path
  std::optional<double> sent_mean, sent_busiest;  // of ours, bytes

  double algorithm_rate() const { return static_cast<double>(length) / seconds.median; }
};

// ---------------------------------------------------------------------------------- measuring

class CollectiveBench {
 public:
  CollectiveBench(const Options& options, Transport& transport)
      : options_(options),
        transport_(transport),
        links_(measure_links(transport)),
        gun_(transport, transport.size() == 1 ? 0 : links_.link(0, 1).latency_seconds) {
    memory_ = vector_of(options.max_bytes);
    vector_ = memory_.first(1);
    find_subjects();
    const bool copies = std::any_of(subjects_.begin(), subjects_.end(),
                                    [](const Subject& subject) { return subject.is_copy; });
    if (copies) copy_.resize(memory_.size());
  }

  const LinkModel& links() const { return links_; }

  std::vector<Row> rows_of(std::size_t bytes) {
    std::vector<Row> rows;
    std::vector<std::function<void()>> works;
    vector_ = memory_.first(bytes / sizeof(float));
    for (const Subject& subject : subjects_) {
      Row row;
      row.subject = subject.name, row.length = bytes;
      if (subject.ours != nullptr) {
        row.predicted = predict_seconds(*subject.ours, vector_.size(), links_);
        if (*row.predicted > options_.sweep.limit) continue;
        row.messages =
            subject.ours->cost(vector_.size(), topology_of(transport_, vector_)).messages;
      }
      sum_once(subject, row);
      rows.push_back(row);
      works.push_back([this, &subject] { sum(subject, transport_); });
    }
    std::fill(vector_.begin(), vector_.end(), 0.0f);  // sums of zeros stay finite
    std::vector<Measured*> measured;
    for (Row& row : rows) measured.push_back(&row);
    time_in_turn(gun_, works, options_.sweep.seconds, kMostRounds, measured);
    return rows;
  }

 private:
  /// Where ranks of a machine reach each other's, if the transport has such memory.
  MutFloats vector_of(std::size_t bytes) {
    SharedMemory* const shared = transport_.shared_memory();
    if (shared == nullptr) {
      own_memory_.resize(bytes / sizeof(float));
      return own_memory_;
    }
    const MutBytes memory = shared->allocate(bytes);
    return {reinterpret_cast<float*>(memory.data()), bytes / sizeof(float)};
  }

  void find_subjects() {
    for (const AllreduceAlgorithm& algorithm : allreduce_algorithms())
      if (wanted(algorithm.name)) subjects_.push_back({std::string(algorithm.name), &algorithm});
    const std::string native(transport_.name());
    if (wanted(native) && transport_.native_allreduce(vector_)) subjects_.push_back({native});
    const auto& names = options_.algorithms;
    if (std::find(names.begin(), names.end(), kCopy) != names.end())
      subjects_.push_back({.name = std::string(kCopy), .is_copy = true});
    for (const std::string& name : names)
      if (std::none_of(subjects_.begin(), subjects_.end(),
                       [&](const Subject& subject) { return subject.name == name; }))
        find_allreduce(name);  // says what there is
  }

  bool wanted(std::string_view name) const {
    const auto& names = options_.algorithms;
    return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
  }

  void sum(const Subject& subject, Transport& transport) {
    if (subject.ours != nullptr)
      subject.ours->run(transport, vector_, kSum, scratch_);
    else if (subject.is_copy)
      std::memcpy(copy_.data(), vector_.data(), vector_.size_bytes());
    else
      transport.native_allreduce(vector_);
  }

  /// For what it sends, and to see that the sum is right.
  void sum_once(const Subject& subject, Row& row) {
    std::fill(vector_.begin(), vector_.end(), static_cast<float>(transport_.rank() + 1));
    Ledger ledger;
    sum(subject, *count_bytes(transport_, ledger));
    const auto ranks = static_cast<float>(transport_.size());
    const float total = ranks * (ranks + 1) / 2;
    if (subject.is_copy) return;
    if (std::any_of(vector_.begin(), vector_.end(), [&](float v) { return v != total; }))
      throw NumericError(subject.name + " of " + std::to_string(row.length) + " B is wrong");
    if (subject.ours == nullptr) return;
    const auto sent = of_all_ranks(transport_, static_cast<double>(ledger.sent.total()));
    row.sent_mean = std::accumulate(sent.begin(), sent.end(), 0.0) / ranks;
    row.sent_busiest = *std::max_element(sent.begin(), sent.end());
  }

  const Options& options_;
  Transport& transport_;
  LinkModel links_;
  StartingGun gun_;
  std::vector<Subject> subjects_;
  std::vector<float> own_memory_, copy_;
  MutFloats memory_, vector_;  // the longest, and the one that is summed
  Scratch scratch_;
};

// ---------------------------------------------------------------------------------- reporting

/// As nccl-tests: what a ring would have to carry over each interface for this time.
double bus_rate(const Row& row, int ranks) {
  return row.algorithm_rate() * 2 * (ranks - 1) / ranks;
}

void print_head() {
  fmt::print("{:>9}  {:<22} {:>10} {:>21} {:>6}  {:>9} {:>9}  {:>10} {:>10}  {:>10} {:>5}\n",
             "bytes", "algorithm", "time", "quartiles", "rounds", "alg MB/s", "bus MB/s",
             "sent/rank", "busiest", "predicted", "ratio");
}

void print_row(const Row& row, int ranks) {
  const auto whole = [](const std::optional<double>& v) {
    return v ? fmt::format("{:.0f}", *v) : std::string("-");
  };
  fmt::print("{:>9}  {:<22} {:>10} {:>21} {:>6}  {:>9.4g} {:>9.4g}  {:>10} {:>10}  {:>10} {:>5}\n",
             row.length, row.subject, time_text(row.seconds.median),
             time_text(row.seconds.lower) + " - " + time_text(row.seconds.upper), row.rounds,
             row.algorithm_rate() / 1e6, bus_rate(row, ranks) / 1e6, whole(row.sent_mean),
             whole(row.sent_busiest), row.predicted ? time_text(*row.predicted) : "-",
             row.predicted ? fmt::format("{:.2f}", *row.predicted / row.seconds.median) : "-");
  std::fflush(stdout);
}

nlohmann::ordered_json json_of(const Row& row, int ranks) {
  const auto value = [](const auto& v) {
    return v ? nlohmann::ordered_json(*v) : nlohmann::ordered_json();
  };
  return {{"algorithm", row.subject},
          {"bytes", row.length},
          {"messages", value(row.messages)},
          {"seconds",
           {{"lower", row.seconds.lower},
            {"median", row.seconds.median},
            {"upper", row.seconds.upper}}},
          {"rounds", row.rounds},
          {"algorithm_bytes_per_second", row.algorithm_rate()},
          {"bus_bytes_per_second", bus_rate(row, ranks)},
          {"sent_bytes_per_rank", value(row.sent_mean)},
          {"sent_bytes_busiest_rank", value(row.sent_busiest)},
          {"predicted_seconds", value(row.predicted)}};
}

std::vector<std::size_t> lengths(const Options& options) {
  std::vector<std::size_t> lengths;
  for (std::size_t bytes = options.min_bytes; bytes < options.max_bytes;
       bytes *= options.sweep.factor)
    lengths.push_back(bytes);
  lengths.push_back(options.max_bytes);
  return lengths;
}

void run_rank(const Options& options, Transport& wire) {
  Ledger ledger;
  const auto counted = count_bytes(wire, ledger);
  Transport& transport = *counted;
  const bool speaks = transport.rank() == 0, table = speaks && !options.sweep.json;
  CollectiveBench bench(options, transport);
  if (table) {
    fmt::print("{} ({})\n", describe(bench.links()), transport.name());
    print_head();
  }
  std::vector<Row> rows;
  for (const std::size_t bytes : lengths(options))
    for (const Row& row : bench.rows_of(bytes)) {
      rows.push_back(row);
      if (table) print_row(row, transport.size());
    }
  const auto sent = of_all_ranks(transport, static_cast<double>(ledger.sent.total()));
  if (!speaks) return;
  const std::vector<Measured> measured(rows.begin(), rows.end());
  const Judgement j = judge(measured);
  if (table && transport.size() > 1)
    fmt::print(
        "model: median error {:.0f} %, 90th percentile {:.0f} %; its choice within {:.0f} % of the "
        "best at {} of {} lengths\n",
        1e2 * j.median_error, 1e2 * j.ninetieth_error, 1e2 * (kAsGood - 1), j.chose_well,
        j.lengths);
  if (options.sweep.json) {
    auto list = nlohmann::ordered_json::array();
    for (const Row& row : rows) list.push_back(json_of(row, transport.size()));
    std::cout << nlohmann::ordered_json{{"transport", transport.name()},
                                        {"links", bench::json_of(bench.links())},
                                        {"links_text", describe(bench.links())},
                                        {"rows", list},
                                        {"sent_bytes_all_ranks",
                                         std::accumulate(sent.begin(), sent.end(), 0.0)},
                                        {"model_median_error", j.median_error},
                                        {"model_ninetieth_error", j.ninetieth_error},
                                        {"model_chose_well", j.chose_well},
                                        {"lengths", j.lengths}}
                     .dump(2)
              << std::endl;
  }
  std::fflush(stdout);
  if (!options.sweep.svg.empty())
    draw(options.sweep.svg,
         fmt::format("Allreduce, {} ranks over {}", transport.size(), transport.name()),
         "bytes of the vector", measured);
}

ExitStatus run(const Options& options) {
  for (const auto& [flag, bytes] :
       {std::pair{"--min-bytes", options.min_bytes}, std::pair{"--max-bytes", options.max_bytes}})
    if (bytes % sizeof(float) != 0 || bytes == 0)
      throw ConfigError(flag, "a multiple of 4, the bytes of a float");
  if (options.min_bytes > options.max_bytes)
    throw ConfigError("--min-bytes", "at most --max-bytes");
  run_ranks(options.world.options(), [&](Transport& t) { run_rank(options, t); });
  return ExitStatus::done;
}

}  // namespace

void add_collectives(CLI::App& bench, Action& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* sub = bench.add_subcommand(
      "collectives", "Time of every allreduce over its lengths, measured and predicted");
  options->world.add_to(*sub);
  sub->add_option("algorithms", options->algorithms,
                  "ring star ...; under mpirun mpi, which is MPI's own (default: all); memcpy: by "
                  "all ranks at once");
  const CLI::AsSizeValue size(false);
  sub->add_option("--min-bytes", options->min_bytes, "Of the shortest vector")
      ->transform(size)
      ->capture_default_str();
  sub->add_option("--max-bytes", options->max_bytes,
                  "Of the longest, which is measured too; 64MB is 64 * 2^20")
      ->transform(size)
      ->capture_default_str();
  options->sweep.add_to(*sub, "length", "length and algorithm");
  sub->callback([options, &chosen] { chosen = [options] { return run(*options); }; });
}

}  // namespace laconic::bench
