#include "launcher/mpirun.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <regex>
#include <set>
#include <utility>

#include "launcher/failure.h"

namespace laconic {
namespace {

/// Cores, not hardware threads: what Open MPI counts as slots.
int physical_cores() {
  std::set<std::string> cores;
  for (int cpu = 0;; ++cpu) {
    std::ifstream in("/sys/devices/system/cpu/cpu" + std::to_string(cpu) +
                     "/topology/thread_siblings_list");
    std::string siblings;
    if (!std::getline(in, siblings)) break;
    cores.insert(siblings);
  }
  return static_cast<int>(cores.size());
}

/// Mapping can imply binding, and contradicts ours then.
bool says_where(const std::vector<std::string>& arguments) {
  return std::any_of(arguments.begin(), arguments.end(), [](const std::string& argument) {
    return argument.starts_with("--bind-to") || argument.starts_with("--map-by");
  });
}

}  // namespace

std::vector<std::string> mpirun_command(const MpirunOptions& options,
                                        const std::vector<std::string>& program) {
  std::vector<std::string> command{"mpirun"};
  const auto add = [&](std::initializer_list<std::string> words) {
    command.insert(command.end(), words);
  };
  if (options.ranks > 0) add({"-np", std::to_string(options.ranks)});
  if (!options.hostfile.empty())
    add({"--hostfile", options.hostfile.string()});
  else if (!options.allocated && options.ranks > physical_cores())
    add({"--oversubscribe"});
  if (!says_where(options.arguments)) add({"--bind-to", "none"});
  if (options.allow_run_as_root) add({"--allow-run-as-root"});
  for (const auto& name : options.environment) add({"-x", name});
  command.insert(command.end(), options.arguments.begin(), options.arguments.end());
  command.insert(command.end(), program.begin(), program.end());
  return command;
}

bool inside_an_allocation() {
  constexpr std::array kSigns{"SLURM_JOB_ID", "PBS_JOBID", "PE_HOSTFILE", "LSB_JOBID",
                              "OMPI_MCA_orte_default_hostfile"};
  return std::any_of(kSigns.begin(), kSigns.end(),
                     [](const char* name) { return std::getenv(name) != nullptr; });
}

bool inside_a_container() {
  return std::filesystem::exists("/.dockerenv") || std::filesystem::exists("/run/.containerenv") ||
         std::getenv("KUBERNETES_SERVICE_HOST") != nullptr || std::getenv("container") != nullptr;
}

void FailureWatch::read(std::string_view text) {
  for (const char c : text) {
    if (c == '\n' || c == '\r')
      line(std::exchange(partial_, {}));
    else
      partial_ += c;
  }
}

void FailureWatch::line(const std::string& text) {
  static const std::regex killed(
      R"(process rank (\d+) with PID \d+ on node (\S+) exited on signal (\d+)( \([^)]*\))?)");
  std::smatch match;
  if (said_.empty() && text.starts_with(kFailureMark))
    said_ = text;
  else if (killed_.empty() && std::regex_search(text, match, killed))
    killed_ = std::string(kFailureMark) + "rank " + match[1].str() + " on " + match[2].str() +
              " was killed by signal " + match[3].str() + match[4].str();
}

std::string FailureWatch::first_cause() const { return said_.empty() ? killed_ : said_; }

}  // namespace laconic
