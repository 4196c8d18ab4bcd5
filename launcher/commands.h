#pragma once

#include <CLI/CLI.hpp>

#include <functional>

#include "base/errors.h"

/// The verbs of `laconic`, one file each. Each adds its subcommand with its help, and sets `chosen`
/// to what is to be done when it was the one given.
namespace laconic {

using Action = std::function<ExitStatus()>;

void add_train(CLI::App& app, Action& chosen);
void add_launch(CLI::App& app, Action& chosen);
void add_compare(CLI::App& app, Action& chosen);
void add_config(CLI::App& app, Action& chosen);
void add_data(CLI::App& app, Action& chosen);
void add_bench(CLI::App& app, Action& chosen);
void add_version(CLI::App& app, Action& chosen);

}  // namespace laconic
