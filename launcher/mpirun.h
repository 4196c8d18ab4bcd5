#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace laconic {

struct MpirunOptions {
  int ranks = 1;
  std::filesystem::path hostfile;  ///< Empty: this machine.
  bool allow_run_as_root = false;
  std::vector<std::string> environment;  ///< Names of variables that ranks on other hosts get too.
  std::vector<std::string> arguments;    ///< Anything else for mpirun, as it is.
};

/// The whole command line: mpirun, its options, then `program`. More ranks than this machine has
/// cores are allowed; on a hostfile's machines the hostfile says how many.
std::vector<std::string> mpirun_command(const MpirunOptions& options,
                                        const std::vector<std::string>& program);

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
