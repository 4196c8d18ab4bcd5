#include "base/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/null_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include "base/errors.h"

namespace laconic {

Log make_log(int rank, const std::filesystem::path& file) {
  auto console = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  console->set_level(spdlog::level::warn);
  console->set_pattern("%^%l%$: %v");
  std::vector<spdlog::sink_ptr> sinks{console};
  if (!file.empty()) {
    try {
      auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(file.string());
      sink->set_pattern("%Y-%m-%d %H:%M:%S.%e %l %v");
      sinks.push_back(sink);
    } catch (const spdlog::spdlog_ex& e) {
      throw ConfigError("--out", e.what());
    }
  }
  auto log =
      std::make_shared<spdlog::logger>("rank " + std::to_string(rank), sinks.begin(), sinks.end());
  log->set_level(spdlog::level::info);
  log->flush_on(spdlog::level::warn);
  return log;
}

Log quiet_log() {
  return std::make_shared<spdlog::logger>("quiet", std::make_shared<spdlog::sinks::null_sink_mt>());
}

}  // namespace laconic
