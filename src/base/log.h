#pragma once

#include <spdlog/spdlog.h>

#include <filesystem>
#include <string>

namespace laconic {

/// A rank's log: warnings and worse on stderr, everything from info up in `file` (none if empty).
/// A logger is made by the launcher and passed down; there is no global one.
using Log = std::shared_ptr<spdlog::logger>;

Log make_log(int rank, const std::filesystem::path& file);

/// Swallows everything: for tests and benchmarks.
Log quiet_log();

}  // namespace laconic
