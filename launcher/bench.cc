// `laconic bench`: what Laconic costs on this machine. One file a subject, in launcher/bench.
#include "launcher/bench/subjects.h"
#include "launcher/commands.h"

namespace laconic {

void add_bench(CLI::App& app, Action& chosen) {
  CLI::App* bench =
      app.add_subcommand("bench", "Measure on this machine, as ratios to what cannot be avoided");
  bench->require_subcommand(1);
  for (auto add : {bench::add_collectives, bench::add_compressors, bench::add_exchanges,
                   bench::add_links, bench::add_methods, bench::add_rounds,
                   bench::add_steps})
    add(*bench, chosen);
}

}  // namespace laconic
