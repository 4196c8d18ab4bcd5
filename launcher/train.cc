// `laconic train`: one experiment, on however many ranks there are.
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>

#include "collectives/control.h"
#include "launcher/assemble.h"
#include "launcher/commands.h"
#include "launcher/interrupt.h"
#include "launcher/run_directory.h"
#include "launcher/world_flags.h"
#include "train/config.h"
#include "train/loop.h"
#include "train/table.h"
#include "train/verdict.h"

namespace laconic {
namespace {

struct TrainOptions {
  std::filesystem::path experiment, out;
  std::vector<std::string> overrides;
  bool resume = false;
  std::filesystem::path trace;
  WorldFlags world;
};

/// A resume needs no experiment: the run directory has it, as it ran.
Experiment experiment_of(const TrainOptions& options) {
  auto file = options.experiment;
  if (file.empty()) {
    if (!options.resume || options.out.empty())
      throw ConfigError("train",
                        "give an experiment, or --resume and --out of a run to go on with");
    file = options.out / "config.textproto";
  }
  return read_experiment(file, options.overrides);
}

/// Rank 0 decides, all make it.
std::filesystem::path agree_on_run_directory(const TrainOptions& options,
                                             const Experiment& experiment, Transport& transport) {
  std::string chosen;
  if (transport.rank() == 0)
    chosen = choose_run_directory(options.out, experiment.name, options.resume).string();
  const auto agreed = broadcast(transport, std::as_bytes(std::span(chosen)), channels::control);
  const std::filesystem::path path(
      std::string(reinterpret_cast<const char*>(agreed.data()), agreed.size()));
  prepare_run_directory(path, experiment.text);
  return path;
}

/// mpirun stands between a rank and the terminal: `laconic launch` says that there is one.
bool on_a_terminal() {
  return ::isatty(STDERR_FILENO) != 0 || std::getenv("LACONIC_TERMINAL") != nullptr;
}

void train_rank(const TrainOptions& options, const Experiment& experiment, const SharedData& data,
                const std::atomic<bool>& stop, Transport& wire) {
  Ledger ledger;
  const auto transport = count_bytes(wire, ledger);
  const int rank = transport->rank(), ranks = transport->size();
  const auto oracle = make_oracle(experiment, data, rank, ranks);
  const auto exchanges =
      make_exchanges(experiment, *transport, oracle->layout(), !options.trace.empty());
  const auto method = make_method(experiment, *oracle, exchanges, rank, ranks);
  // Last, so that what is refused leaves nothing behind.
  const auto out = agree_on_run_directory(options, experiment, *transport);
  const Log log = make_log(rank, out / "logs" / ("rank-" + std::to_string(rank) + ".log"));
  const Summary summary = train({.experiment = experiment,
                                 .out = out,
                                 .resume = options.resume,
                                 .transport = *transport,
                                 .ledger = ledger,
                                 .oracle = *oracle,
                                 .method = *method,
                                 .exchanges = borrowed(exchanges),
                                 .automatic = dynamic_cast<AutoExchange*>(exchanges[0].get()),
                                 .trace = options.trace,
                                 .log = log,
                                 .stop = stop,
                                 .progress = rank == 0,
                                 .terminal = on_a_terminal()});
  if (rank != 0) return;
  std::cout << results_table({&summary, 1});
  for (const std::string& line : verdict(summary)) std::cout << line << "\n";
  std::cout << "in " << out.string() << std::endl;
}

ExitStatus run_train(const TrainOptions& options) {
  WorldOptions world = options.world.options();
  const Experiment experiment = experiment_of(options);
  const SharedData data = load_data(experiment.problem);
  set_compute_threads(experiment.compute_threads);
  const auto& stop = watch_for_interrupts();

  world.deadline_seconds = experiment.deadline_seconds;
  run_ranks(world,
            [&](Transport& transport) { train_rank(options, experiment, data, stop, transport); });
  return ExitStatus::done;
}

}  // namespace

void add_train(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<TrainOptions>();
  CLI::App* sub = app.add_subcommand(
      "train", "Train one experiment: alone, on --ranks threads, or as a rank of mpirun");
  sub->add_option("experiment", options->experiment, "An experiment file: configs/*.textproto");
  sub->add_option("--set", options->overrides,
                  "Set a field: exchange.compressor.top_k.density=0.001; repeatable")
      ->allow_extra_args(false);
  sub->add_option("--out", options->out, "Run directory (default: runs/NAME)");
  sub->add_flag("--resume", options->resume,
                "Go on from the newest complete checkpoint of the run directory");
  sub->add_option("--trace", options->trace,
                  "Write what every rank did when in the first 100 steps, for chrome://tracing");
  options->world.add_to(*sub);
  sub->callback([options, &chosen] { chosen = [options] { return run_train(*options); }; });
}

}  // namespace laconic
