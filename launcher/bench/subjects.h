#pragma once

#include "launcher/commands.h"

/// What `laconic bench` can measure. Each adds its subcommand as a verb does.
namespace laconic::bench {

void add_collectives(CLI::App& bench, Action& chosen);
void add_compressors(CLI::App& bench, Action& chosen);
void add_exchanges(CLI::App& bench, Action& chosen);
void add_links(CLI::App& bench, Action& chosen);
void add_methods(CLI::App& bench, Action& chosen);
void add_rounds(CLI::App& bench, Action& chosen);
void add_steps(CLI::App& bench, Action& chosen);

}  // namespace laconic::bench
