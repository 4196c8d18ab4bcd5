#pragma once

#include <filesystem>
#include <string>

namespace laconic {

/// Where a run's files go, decided by rank 0 alone and before anything is written.
///   out given      that folder; refused if it holds a run and this is no resume, or holds none and
///                  it is
///   out empty      runs/NAME, or runs/NAME-2 and so on where that is taken; on a resume the newest
/// Throws ConfigError.
std::filesystem::path choose_run_directory(const std::filesystem::path& out,
                                           const std::string& name, bool resume);

/// Makes it, with logs/ in it and `config` as its config.textproto unless it has one (the folder
/// may be shared by all ranks, or each may have its own). Throws ConfigError where it cannot be
/// written.
void prepare_run_directory(const std::filesystem::path& directory, const std::string& config);

/// Is there a run in it: finished, interrupted or under way?
bool holds_a_run(const std::filesystem::path& directory);

}  // namespace laconic
