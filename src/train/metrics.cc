#include "train/metrics.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "base/errors.h"

namespace laconic {
namespace {

using Json = nlohmann::ordered_json;

/// How many bytes at the file's beginning are whole rows of steps up to `step`. Rows are in the
/// order of steps, so the first that is not ends them.
std::uintmax_t bytes_to_keep(const std::filesystem::path& path, std::uint64_t step) {
  std::ifstream in(path, std::ios::binary);
  std::uintmax_t kept = 0;
  for (std::string line; std::getline(in, line) && !in.eof(); kept += line.size() + 1) {
    const Json row = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!row.is_object() || !row.contains("step") || !row["step"].is_number_unsigned() ||
        row["step"].get<std::uint64_t>() > step)
      break;
  }
  return kept;
}

}  // namespace

Metrics::Metrics(const std::filesystem::path& path, std::uint64_t step) : path_(path) {
  if (std::filesystem::exists(path)) std::filesystem::resize_file(path, bytes_to_keep(path, step));
  file_.reset(std::fopen(path.c_str(), "a"));
  if (!file_) throw DataError(path.string(), std::strerror(errno));
}

void Metrics::write(const std::string& line) {
  if (std::fputs((line + "\n").c_str(), file_.get()) < 0 || std::fflush(file_.get()) != 0)
    throw DataError(path_.string(), std::strerror(errno));
}

void Metrics::report(const MetricsRow& row) {
  write(Json{{"step", row.step},
             {"seconds", row.seconds},
             {"loss", row.loss},
             {"compute_seconds", row.compute},
             {"compress_seconds", row.compress},
             {"wait_seconds", row.wait},
             {"decode_seconds", row.decode},
             {"apply_seconds", row.apply},
             {"hidden_seconds", row.hidden},
             {"residual_over_gradient", row.residual_over_gradient},
             {"examples_per_second", row.examples_per_second},
             {"bytes_sent", row.bytes_sent},
             {"bytes_received", row.bytes_received}}
            .dump());
}

void Metrics::score(std::uint64_t step, const Scores& scores) {
  write(Json{{"step", step},
             {"score",
              {{"loss", scores.loss},
               {"accuracy", scores.accuracy},
               {"gap", scores.gap},
               {"distance", scores.distance},
               {"robust_loss", scores.robust_loss}}}}
            .dump());
}

}  // namespace laconic
