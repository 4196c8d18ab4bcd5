#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace laconic {

struct MpirunOptions {
  int ranks = 0;                   ///< 0: one a slot of the hosts.
  std::filesystem::path hostfile;  ///< Empty: this machine, or what `allocated` says.
  bool allocated = false;          ///< mpirun itself finds out which hosts it was given.
  bool allow_run_as_root = false;
  std::vector<std::string> environment;  ///< Names of variables that ranks on other hosts get too.
  std::vector<std::string> arguments;    ///< Anything else for mpirun, as it is.
};

/// The whole command line: mpirun, its options, then `program`. More ranks than this machine has
/// cores are allowed; on other hosts the hostfile or the allocation says how many. Ranks are not
/// bound to cores, where a rank with more threads than one would have them all on one, unless
/// `arguments` say how.
std::vector<std::string> mpirun_command(const MpirunOptions& options,
                                        const std::vector<std::string>& program);

/// Hosts were given to this process by Slurm, PBS, Grid Engine, LSF or an operator on Kubernetes.
bool inside_an_allocation();

/// Root without having been asked for is fine where nothing else exists.
bool inside_a_container();

/// What a run's stderr said about its end.
class FailureWatch {
 public:
  /// Takes the next piece of what the job printed, cut anywhere.
  void read(std::string_view text);

  /// The first cause: the first line that a rank ended with, else mpirun's word on a rank that was
  /// killed; empty if neither was seen. Without a line end.
  std::string first_cause() const;

  /// A rank ended by a signal, as mpirun saw it.
  bool rank_was_killed() const { return !killed_.empty(); }

 private:
  void line(const std::string& text);
  std::string partial_, said_, killed_;
};

}  // namespace laconic
