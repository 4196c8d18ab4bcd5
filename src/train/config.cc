#include "train/config.h"

#include "base/errors.h"
#include "base/hash.h"
#include "experiment.pb.h"
#include "train/config_complete.h"
#include "train/config_options.h"
#include "train/config_text.h"
#include "train/durable_file.h"

namespace laconic {
namespace {

/// What may differ between a run and its resume, and between ranks, is left out.
std::uint64_t hash_of_bits(config::Experiment experiment) {
  experiment.clear_name();
  experiment.clear_report();
  experiment.clear_checkpoint();
  experiment.clear_transport();
  experiment.clear_debug();
  auto& exchange = *experiment.mutable_exchange();
  const auto clear = [](config::Exchange& one) {
    one.clear_overlap();
    one.clear_threads();
  };
  clear(exchange);
  if (exchange.has_auto_()) {
    exchange.mutable_auto_()->clear_decided();
    exchange.mutable_auto_()->clear_look_again();
    for (auto& allowed : *exchange.mutable_auto_()->mutable_allow()) clear(allowed);
  }
  return hash_of(std::as_bytes(std::span<const char>(config_text::print(experiment))));
}

std::string read_text(const std::filesystem::path& file) {
  try {
    const auto bytes = read_bytes(file);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  } catch (const DataError& e) {  // a file that is named wrongly is a mistake of usage
    throw ConfigError("experiment", e.what());
  }
}

}  // namespace

Experiment read_experiment(const std::filesystem::path& file,
                           std::span<const std::string> overrides) {
  return parse_experiment(read_text(file), file.string(), overrides);
}

Experiment parse_experiment(const std::string& text, const std::string& origin,
                            std::span<const std::string> overrides) {
  config::Experiment message;
  config_text::parse(text, origin, message);
  for (const auto& assignment : overrides) config_text::apply_override(assignment, message);
  std::vector<std::string> warnings;
  complete(message, warnings);
  Experiment experiment = to_options(message);
  experiment.warnings.insert(experiment.warnings.begin(), warnings.begin(), warnings.end());
  experiment.text = config_text::print(message);
  experiment.hash = hash_of_bits(message);
  return experiment;
}

std::string text_with(const Experiment& experiment, std::span<const Decision> decisions) {
  config::Experiment message;
  config_text::parse(experiment.text, "experiment", message);
  auto& choice = *message.mutable_exchange()->mutable_auto_();
  choice.clear_decided();
  for (const Decision& decision : decisions) {
    auto& said = *choice.add_decided();
    said.set_step(decision.step);
    said.set_choice(static_cast<std::uint32_t>(decision.choice));
  }
  return config_text::print(message);
}

}  // namespace laconic
