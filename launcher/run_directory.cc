#include "launcher/run_directory.h"

#include <fstream>
#include <system_error>

#include "base/errors.h"

namespace laconic {
namespace {

namespace fs = std::filesystem;

constexpr const char* kConfig = "config.textproto";

fs::path numbered(const std::string& name, int number) {
  return fs::path("runs") / (number == 1 ? name : name + "-" + std::to_string(number));
}

}  // namespace

bool holds_a_run(const fs::path& directory) { return fs::exists(directory / kConfig); }

fs::path choose_run_directory(const fs::path& out, const std::string& name, bool resume) {
  if (!out.empty()) {
    if (fs::exists(out) && !fs::is_directory(out))
      throw ConfigError("--out", out.string() + " is no folder");
    if (resume && !holds_a_run(out))
      throw ConfigError("--resume", "there is no run in " + out.string());
    if (!resume && holds_a_run(out))
      throw ConfigError(
          "--out",
          out.string() + " holds a run: go on with it by --resume, or name another folder");
    return out;
  }
  int free = 1;
  while (holds_a_run(numbered(name, free))) ++free;
  if (!resume) return numbered(name, free);
  if (free == 1) throw ConfigError("--resume", "there is no run in " + numbered(name, 1).string());
  return numbered(name, free - 1);
}

void prepare_run_directory(const fs::path& directory, const std::string& config) {
  std::error_code error;
  fs::create_directories(directory / "logs", error);
  if (error) throw ConfigError("--out", directory.string() + ": " + error.message());
  if (holds_a_run(directory)) return;
  std::ofstream file(directory / kConfig);
  if (!(file << config).flush())
    throw ConfigError("--out", directory.string() + " cannot be written to");
}

}  // namespace laconic
