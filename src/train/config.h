#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "train/experiment.h"

namespace laconic {

/// Reads an experiment in text format, applies "field.path=value" overrides in order, and checks
/// all that can be checked without data or peers. Throws ConfigError with the field's path, what
/// was expected and the nearest known name; a syntax error names the file, line and column.
Experiment read_experiment(const std::filesystem::path& file,
                           std::span<const std::string> overrides);

/// The same from text; `origin` stands for the file in errors.
Experiment parse_experiment(const std::string& text, const std::string& origin,
                            std::span<const std::string> overrides);

/// The experiment's text with these decisions as those of `exchange.auto`.
std::string text_with(const Experiment& experiment, std::span<const Decision> decisions);

}  // namespace laconic
