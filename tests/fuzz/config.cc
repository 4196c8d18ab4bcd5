// The text of an experiment, and what --set does to it.
//
//   input := text, then any number of assignments, each after a byte 0
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/errors.h"
#include "experiment.pb.h"
#include "tests/fuzz/fuzzer.h"
#include "train/config_text.h"

namespace laconic::fuzz {
namespace {

std::vector<std::string> split(Bytes input) {
  std::istringstream in({reinterpret_cast<const char*>(input.data()), input.size()});
  std::vector<std::string> parts(1);
  std::getline(in, parts[0], '\0');
  for (std::string part; std::getline(in, part, '\0');) parts.push_back(part);
  return parts;
}

}  // namespace

void run(Bytes input) {
  const auto parts = split(input);
  config::Experiment experiment, again;
  try {
    config_text::parse(parts[0], "input", experiment);
    for (std::size_t i = 1; i < parts.size(); ++i)
      config_text::apply_override(parts[i], experiment);
    config_text::fill_defaults(experiment);
  } catch (const ConfigError&) {
    return;
  }
  // A run directory keeps an experiment as text, and a resume reads it.
  const std::string text = config_text::print(experiment);
  config_text::parse(text, "printed", again);
  require(config_text::print(again) == text, "what is printed reads back");
}

std::vector<Input> seeds() {
  std::vector<Input> all;
  for (const auto& entry : std::filesystem::directory_iterator(LACONIC_CONFIGS)) {
    if (entry.path().extension() != ".textproto") continue;
    std::ifstream file(entry.path());
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    Input input;
    put(input, std::as_bytes(std::span(text)));
    for (const std::string set : {"seed=2", "exchange.gather={}", "name=a", "data.idx={classes: 3}",
                                  "problem.classifier.mlp.hidden=[1, 2]"}) {
      put(input, '\0');
      put(input, std::as_bytes(std::span(set)));
    }
    all.push_back(std::move(input));
  }
  return all;
}

}  // namespace laconic::fuzz
