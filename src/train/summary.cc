#include "train/summary.h"

#include <fmt/core.h>

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/errors.h"
#include "train/durable_file.h"

namespace laconic {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array kStatuses{RunStatus::done, RunStatus::failed, RunStatus::interrupted};

std::string hex(std::uint64_t hash) { return fmt::format("{:016x}", hash); }

std::uint64_t unhex(const std::string& digits) {
  std::uint64_t hash = 0;
  const char* end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, hash, 16);
  if (parsed.ec != std::errc{} || parsed.ptr != end)
    throw std::invalid_argument("\"" + digits + "\" is no hash");
  return hash;
}

RunStatus status_named(const std::string& name) {
  for (const RunStatus status : kStatuses)
    if (name_of(status) == name) return status;
  throw std::invalid_argument("there is no status \"" + name + "\"");
}

/// JSON knows no NaN: null stands for what is not known.
double number(const Json& value) { return value.is_null() ? kUnknown : value.get<double>(); }

Json bytes_json(const ByteCount& bytes) {
  return {{"values", bytes.values},
          {"indices", bytes.indices},
          {"framing", bytes.framing},
          {"dense", bytes.dense},
          {"control", bytes.control}};
}

ByteCount bytes_from(const Json& json) {
  return {.values = json.at("values"),
          .indices = json.at("indices"),
          .framing = json.at("framing"),
          .dense = json.at("dense"),
          .control = json.at("control")};
}

Summary summary_from(const Json& json) {
  Summary s;
  s.status = status_named(json.at("status"));
  s.name = json.at("name");
  s.method = json.at("method");
  s.exchange = json.at("exchange");
  s.problem = json.at("problem");
  s.ranks = json.at("ranks");
  s.steps = json.at("steps");
  s.steps_executed = json.at("steps_executed");
  s.seconds = number(json.at("seconds"));
  s.compute_seconds = number(json.at("compute_seconds"));
  s.exchange_seconds = number(json.at("exchange_seconds"));
  s.compress_seconds = number(json.at("compress_seconds"));
  s.wait_seconds = number(json.at("wait_seconds"));
  s.decode_seconds = number(json.at("decode_seconds"));
  s.apply_seconds = number(json.at("apply_seconds"));
  s.hidden_seconds = number(json.at("hidden_seconds"));
  s.dense_seconds = number(json.at("dense_seconds"));
  s.final_loss = number(json.at("final_loss"));
  s.test_accuracy = number(json.at("test_accuracy"));
  s.best_test_accuracy = number(json.at("best_test_accuracy"));
  s.gap = number(json.at("gap"));
  s.distance = number(json.at("distance"));
  s.robust_loss = number(json.at("robust_loss"));
  s.bytes_sent_per_rank = bytes_from(json.at("bytes_sent_per_rank"));
  s.bytes_sent_busiest_rank = json.at("bytes_sent_busiest_rank");
  s.bytes_received_per_rank = json.at("bytes_received_per_rank");
  s.dense_bytes_per_rank = json.at("dense_bytes_per_rank");
  s.parameters_xxh3 = unhex(json.at("parameters_xxh3"));
  for (const auto& hash : json.at("parameters_xxh3_by_rank"))
    s.parameters_xxh3_by_rank.push_back(unhex(hash));
  s.config_xxh3 = unhex(json.at("config_xxh3"));
  s.peak_rss_bytes = json.at("peak_rss_bytes");
  s.version = json.at("version");
  return s;
}

}  // namespace

std::string_view name_of(RunStatus status) {
  switch (status) {
    case RunStatus::done:
      return "done";
    case RunStatus::failed:
      return "failed";
    case RunStatus::interrupted:
      return "interrupted";
  }
  return "";
}

std::string to_json(const Summary& s) {
  std::vector<std::string> by_rank;
  for (const auto hash : s.parameters_xxh3_by_rank) by_rank.push_back(hex(hash));
  const Json json{{"status", name_of(s.status)},
                  {"name", s.name},
                  {"method", s.method},
                  {"exchange", s.exchange},
                  {"problem", s.problem},
                  {"ranks", s.ranks},
                  {"steps", s.steps},
                  {"steps_executed", s.steps_executed},
                  {"seconds", s.seconds},
                  {"compute_seconds", s.compute_seconds},
                  {"exchange_seconds", s.exchange_seconds},
                  {"compress_seconds", s.compress_seconds},
                  {"wait_seconds", s.wait_seconds},
                  {"decode_seconds", s.decode_seconds},
                  {"apply_seconds", s.apply_seconds},
                  {"hidden_seconds", s.hidden_seconds},
                  {"dense_seconds", s.dense_seconds},
                  {"final_loss", s.final_loss},
                  {"test_accuracy", s.test_accuracy},
                  {"best_test_accuracy", s.best_test_accuracy},
                  {"gap", s.gap},
                  {"distance", s.distance},
                  {"robust_loss", s.robust_loss},
                  {"bytes_sent_per_rank", bytes_json(s.bytes_sent_per_rank)},
                  {"bytes_sent_busiest_rank", s.bytes_sent_busiest_rank},
                  {"bytes_received_per_rank", s.bytes_received_per_rank},
                  {"dense_bytes_per_rank", s.dense_bytes_per_rank},
                  {"parameters_xxh3", hex(s.parameters_xxh3)},
                  {"parameters_xxh3_by_rank", by_rank},
                  {"config_xxh3", hex(s.config_xxh3)},
                  {"peak_rss_bytes", s.peak_rss_bytes},
                  {"version", s.version}};
  return json.dump(2) + "\n";
}

Summary parse_summary(std::string_view json, const std::string& origin) {
  try {
    return summary_from(Json::parse(json));
  } catch (const std::exception& e) {  // of the JSON library, or of a value that is none of ours
    throw DataError(origin, e.what());
  }
}

void write_summary(const std::filesystem::path& path, const Summary& summary) {
  write_durably(path, to_json(summary));
}

Summary read_summary(const std::filesystem::path& path) {
  const auto content = read_bytes(path);
  return parse_summary({reinterpret_cast<const char*>(content.data()), content.size()},
                       path.string());
}

}  // namespace laconic
