// `laconic launch`: the same command on many ranks, by mpirun.
#include <fmt/core.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>

#include "launcher/commands.h"
#include "launcher/job.h"
#include "launcher/mpirun.h"

extern char** environ;

namespace laconic {
namespace {

struct LaunchOptions {
  MpirunOptions mpirun;
  std::vector<std::string> rest;
  bool dry_run = false;
};

std::string quoted(const std::string& word) {
  const bool plain =
      !word.empty() && word.find_first_of(" \t\n'\"\\$&|;<>()*?[]{}~#`!") == word.npos;
  if (plain) return word;
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

/// Our own variables and those that decide on threads reach ranks on other hosts unasked.
std::vector<std::string> passed_on() {
  std::vector<std::string> names;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (text.starts_with("LACONIC_") || text.starts_with("OMP_NUM_THREADS="))
      names.emplace_back(text.substr(0, text.find('=')));
  }
  return names;
}

/// mpirun's status in our own terms: a rank's exit status is kept where it is one of ours.
ExitStatus status_of(const JobEnd& end, const FailureWatch& watch) {
  if (end.status == 0) return ExitStatus::done;
  if (watch.rank_was_killed() && !end.interrupted) return ExitStatus::network;
  for (auto known :
       {ExitStatus::usage, ExitStatus::data, ExitStatus::network, ExitStatus::interrupted})
    if (end.status == static_cast<int>(known)) return known;
  return end.interrupted ? ExitStatus::interrupted : ExitStatus::other;
}

ExitStatus launch(LaunchOptions& options) {
  if (::isatty(STDERR_FILENO) != 0) ::setenv("LACONIC_TERMINAL", "1", 0);
  auto& mpirun = options.mpirun;
  mpirun.allocated = inside_an_allocation();
  if (mpirun.ranks == 0 && mpirun.hostfile.empty() && !mpirun.allocated)
    throw ConfigError("launch", "say how many ranks by -n, or on which hosts by --hostfile");
  mpirun.allow_run_as_root = mpirun.allow_run_as_root || inside_a_container();
  const auto named = std::move(mpirun.environment);
  mpirun.environment = passed_on();
  mpirun.environment.insert(mpirun.environment.end(), named.begin(), named.end());
  std::vector<std::string> program{std::filesystem::read_symlink("/proc/self/exe").string()};
  program.insert(program.end(), options.rest.begin(), options.rest.end());
  const auto command = mpirun_command(mpirun, program);
  if (options.dry_run) {
    std::vector<std::string> words;
    for (const auto& word : command) words.push_back(quoted(word));
    fmt::print("{}\n", fmt::join(words, " "));
    return ExitStatus::done;
  }
  if (::geteuid() == 0 && !mpirun.allow_run_as_root)
    throw ConfigError("launch",
                      "mpirun does not run as root unless asked: give --allow-run-as-root");

  FailureWatch watch;
  const JobEnd end = run_job(command, [&](std::string_view text) { watch.read(text); });
  if (end.status != 0) {
    const std::string cause = watch.first_cause();
    fmt::print(
        stderr, "{}\n",
        cause.empty() ? fmt::format("laconic: mpirun ended with status {}", end.status) : cause);
  }
  return status_of(end, watch);
}

}  // namespace

void add_launch(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<LaunchOptions>();
  CLI::App* sub = app.add_subcommand(
      "launch", "Run a command of laconic on many ranks, by mpirun: launch -n 4 -- train ...");
  sub->add_option("-n,--ranks", options->mpirun.ranks,
                  "Ranks to start (default: one a slot of the hostfile, or of what Slurm, PBS or "
                  "the like have given)")
      ->check(CLI::Range(1, 1 << 20));
  sub->add_option("--hostfile", options->mpirun.hostfile,
                  "Hosts and their slots, as mpirun reads them")
      ->check(CLI::ExistingFile);
  sub->add_flag("--allow-run-as-root", options->mpirun.allow_run_as_root,
                "Let mpirun run as root (in a container it does anyway)");
  sub->add_option(
         "--env", options->mpirun.environment,
         "Variable to pass to other hosts, beside LACONIC_* and OMP_NUM_THREADS; repeatable")
      ->allow_extra_args(false);
  sub->add_option("--mpirun", options->mpirun.arguments, "One more argument for mpirun; repeatable")
      ->allow_extra_args(false);
  sub->add_flag("--dry-run", options->dry_run, "Print the command and do nothing");
  sub->add_option("command", options->rest, "After --: the command of laconic and its arguments")
      ->required();
  sub->callback([options, &chosen] { chosen = [options] { return launch(*options); }; });
}

}  // namespace laconic
