// `laconic bench compressors`: every compressor at settings that are of use, in one table.
#include <fmt/core.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "compressors/kernels/targets.h"
#include "launcher/bench/compressor_cost.h"
#include "launcher/bench/subjects.h"
#include "train/config.h"

namespace laconic::bench {
namespace {

// As they stand in an experiment. A new compressor adds its rows here.
const std::vector<std::string>& useful_settings() {
  static const std::vector<std::string> settings{
      "identity {}",
      "top_k { density: 0.001 }",
      "top_k { density: 0.01 }",
      "top_k { density: 0.1 }",
      "top_k { density: 0.001 values: bf16 }",
      "top_k { density: 0.01 values: bf16 }",
      "top_k { density: 0.1 values: bf16 }",
      "rand_k { density: 0.01 }",
      "rand_k { density: 0.01 values: bf16 }",
      "stratified_rand_k { density: 0.01 values: bf16 }",
      "perm_k { values: bf16 }",
      "threshold { values: bf16 }",
      "block_top_k { values: bf16 }",
      "block_top_k { values: bf16 indices: smallest }",
      "dct_top_k { values: bf16 }",
      "bf16 {}",
      "fp16 {}",
      "fp8_e4m3 {}",
      "fp8_e5m2 {}",
      "sign {}",
      "qsgd {}",
      "qsgd { levels: 7 bucket: 128 }",
      "natural {}",
      "two_bit {}",
      "pyramid {}",
  };
  return settings;
}

// Those that send plain floats by an allreduce.
const std::vector<std::pair<std::string, LinearCompressorOptions>>& useful_linear_settings() {
  static const std::vector<std::pair<std::string, LinearCompressorOptions>> settings{
      {"power_sgd { rank: 1 }", PowerSgdOptions{.rank = 1}},
      {"power_sgd { rank: 2 }", PowerSgdOptions{.rank = 2}},
      {"power_sgd { rank: 4 }", PowerSgdOptions{.rank = 4}},
  };
  return settings;
}

/// A compressor as the user names it, ready to be measured.
struct Row {
  std::string setting;
  std::variant<std::unique_ptr<const Compressor>, LinearCompressorOptions> made;
};

struct Options {
  std::vector<std::string> settings, targets;
  std::size_t size = 25'000'000;
  double seconds = 0.5;
  int threads = 1;
  bool json = false;
};

Row row_of(const std::string& setting, int threads) {
  for (const auto& [name, options] : useful_linear_settings())
    if (name == setting) return {setting, options};
  const std::string experiment =
      "problem { quadratic {} } steps: 1 exchange { gather {} error_feedback { on: false } "
      "compressor { " +
      setting + " } }";
  return {setting,
          make_compressor(parse_experiment(experiment, "compressor", {}).exchange.compressor,
                          {.threads = threads})};
}

std::vector<Row> rows_of(const Options& options) {
  std::vector<std::string> settings = options.settings;
  if (settings.empty()) {
    settings = useful_settings();
    for (const auto& [name, _] : useful_linear_settings()) settings.push_back(name);
  }
  std::vector<Row> rows;
  for (const std::string& setting : settings) rows.push_back(row_of(setting, options.threads));
  return rows;
}

/// Those asked for by name, or the one in use.
std::vector<kernels::Target> targets_of(const Options& options) {
  if (options.targets.empty()) return {kernels::active_target()};
  std::vector<kernels::Target> chosen;
  std::string known;
  for (const auto& target : kernels::supported_targets())
    known += (known.empty() ? "" : ", ") + std::string(target.name);
  for (const std::string& name : options.targets) {
    const auto before = chosen.size();
    for (const auto& target : kernels::supported_targets())
      if (name == target.name || name == "all") chosen.push_back(target);
    if (chosen.size() == before) throw ConfigError("--target", "all, or one of " + known);
  }
  return chosen;
}

// ---------------------------------------------------------------------------------------- output

std::string number_or_dash(const std::optional<double>& value, const char* format) {
  return value ? fmt::format(fmt::runtime(format), *value) : "-";
}

void print_head(const CompressorBench& bench, std::size_t width) {
  fmt::print(
      "{} floats, Gaussian. Times are ratios to a memcpy of the same vector ({:.1f} ms here) just\n"
      "before: median (quartiles). Errors are |C(x)-x|²/|x|², of the same and of {}.\n\n",
      bench.count(), 1e3 * bench.memcpy_seconds(),
      bench.has_real_gradients() ? "gradients of the FedAvg CNN"
                                 : "no gradients: Fashion-MNIST is not installed");
  fmt::print("{:<{}}  {:<9}  {:>9}  {:>9}  {:<18}  {:<18}  {:<18}  {:>8}  {:>8}\n", "compressor",
             width, "target", "bits/elem", "i/entropy", "encode", "decode_add", "feedback",
             "gaussian", "real");
}

void print_row(const CompressorCost& c, std::size_t width) {
  fmt::print("{:<{}}  {:<9}  {:>9.4f}  {:>9}  {:<18}  {:<18}  {:<18}  {:>8.2g}  {:>8}\n",
             c.compressor, width, c.target, c.bits_per_element,
             number_or_dash(c.index_bits_over_entropy, "{:.4f}"), text_of(c.encode),
             text_of(c.decode_add), text_of(c.feedback), c.gaussian_error,
             number_or_dash(c.real_error, "{:.2g}"));
  std::fflush(stdout);
}

using Json = nlohmann::ordered_json;

Json json_of(const Spread& s) {
  return {{"lower", s.lower}, {"median", s.median}, {"upper", s.upper}};
}

Json json_of(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

Json json_of(const CompressorCost& c) {
  return {{"compressor", c.compressor},
          {"target", c.target},
          {"bits_per_element", c.bits_per_element},
          {"index_bits_over_entropy", json_of(c.index_bits_over_entropy)},
          {"encode_over_memcpy", json_of(c.encode)},
          {"decode_add_over_memcpy", json_of(c.decode_add)},
          {"feedback_over_memcpy", json_of(c.feedback)},
          {"gaussian_error", c.gaussian_error},
          {"real_error", json_of(c.real_error)}};
}

// ------------------------------------------------------------------------------------------- runs

CompressorCost measure(CompressorBench& bench, const Row& row, const kernels::Target& target) {
  const kernels::OnTarget on(target);
  const auto* linear = std::get_if<LinearCompressorOptions>(&row.made);
  CompressorCost cost =
      linear != nullptr ? bench.measure(*linear) : bench.measure(*std::get<0>(row.made));
  cost.compressor = row.setting;
  return cost;
}

ExitStatus run(const Options& options) {
  const auto rows = rows_of(options);
  const auto targets = targets_of(options);
  std::size_t width = std::string("compressor").size();
  for (const Row& row : rows) width = std::max(width, row.setting.size());
  CompressorBench bench(options.size, options.seconds);
  if (!options.json) print_head(bench, width);
  Json measured = Json::array();
  for (const Row& row : rows)
    for (const auto& target : targets) {
      const CompressorCost cost = measure(bench, row, target);
      if (options.json)
        measured.push_back(json_of(cost));
      else
        print_row(cost, width);
    }
  if (options.json)
    std::cout << Json{{"elements", bench.count()},
                      {"memcpy_seconds", bench.memcpy_seconds()},
                      {"rows", measured}}
                     .dump(2)
              << std::endl;
  return ExitStatus::done;
}

}  // namespace

void add_compressors(CLI::App& bench, Action& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* sub = bench.add_subcommand(
      "compressors", "Bits, time and error of every compressor, or of those given");
  sub->add_option("compressors", options->settings,
                  "As in an experiment: 'top_k { density: 0.001 values: bf16 }'");
  sub->add_option("--size", options->size, "Elements of the vector")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 29))
      ->capture_default_str();
  sub->add_option("--seconds", options->seconds, "For each figure that is a time")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  sub->add_option("--threads", options->threads, "That share the work on a vector of 1 MB or more")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  sub->add_option("--target", options->targets, "Instruction set of the kernels: AVX2, or all")
      ->allow_extra_args(false);
  sub->add_flag("--json", options->json, "For programs");
  sub->callback([options, &chosen] { chosen = [options] { return run(*options); }; });
}

}  // namespace laconic::bench
