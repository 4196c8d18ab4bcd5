#include "launcher/bench/kept_trial.h"

#include <fmt/core.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "train/durable_file.h"

namespace laconic::bench {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

Json json_of(const ByteCount& b) {
  return {{"values", b.values},
          {"indices", b.indices},
          {"framing", b.framing},
          {"dense", b.dense},
          {"control", b.control}};
}

ByteCount bytes_of(const Json& j) {
  return {j.at("values"), j.at("indices"), j.at("framing"), j.at("dense"), j.at("control")};
}

Json json_of(const Trial& t) {
  Json curve = Json::array();
  for (const CurvePoint& point : t.curve) curve.push_back({point.sent, point.value});
  return {{"reached", t.reached},
          {"diverged", t.diverged},
          {"steps", t.steps},
          {"calls", t.calls},
          {"best", t.best},
          {"sent", json_of(t.sent)},
          {"received", json_of(t.received)},
          {"curve", curve}};
}

Trial trial_of(const Json& j) {
  Trial t;
  t.reached = j.at("reached");
  t.diverged = j.at("diverged");
  t.steps = j.at("steps");
  t.calls = j.at("calls");
  t.sent = bytes_of(j.at("sent"));
  t.received = bytes_of(j.at("received"));
  t.best = j.at("best");
  for (const auto& point : j.at("curve")) t.curve.push_back({point.at(0), point.at(1)});
  return t;
}

/// What makes two trials the same one: kept with each, so that a changed experiment runs anew.
Json identity_of(const Experiment& experiment, const TrialOptions& options) {
  return {{"experiment", fmt::format("{:016x}", experiment.hash)},
          {"ranks", options.ranks},
          {"target", options.target},
          {"measure", options.measure == Measure::distance ? "distance" : "gap"},
          {"score_every", options.score_every}};
}

/// The trial that a file holds, if it is this one. One that was given up at fewer steps than are
/// asked for now says nothing, and neither does a file that is none of ours.
std::optional<Trial> kept_trial(const fs::path& file, const Json& identity,
                                const TrialOptions& options) {
  std::ifstream in(file);
  if (!in) return std::nullopt;
  try {
    const Json kept = Json::parse(in);
    const Trial trial = trial_of(kept.at("trial"));
    const bool whole = trial.reached || trial.diverged ||
                       kept.at("most_steps").get<std::uint64_t>() >= options.most_steps;
    if (kept.at("of") == identity && whole) return trial;
  } catch (const Json::exception&) {
  }
  return std::nullopt;
}

}  // namespace

Trial kept_or_new(const fs::path& file, const Experiment& experiment, const SharedData& data,
                  const TrialOptions& options) {
  const Json identity = identity_of(experiment, options);
  if (const auto kept = kept_trial(file, identity, options)) return *kept;
  const Trial trial = run_trial(experiment, data, options);
  write_durably(
      file,
      Json{{"of", identity}, {"most_steps", options.most_steps}, {"trial", json_of(trial)}}.dump() +
          "\n");
  return trial;
}

}  // namespace laconic::bench
