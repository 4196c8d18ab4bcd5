// `laconic bench links`: what lies between the ranks.
#include <fmt/core.h>

#include <cstdio>
#include <iostream>
#include <memory>

#include "base/clock.h"
#include "launcher/bench/links_json.h"
#include "launcher/bench/subjects.h"
#include "launcher/world_flags.h"

namespace laconic::bench {
namespace {

struct Options {
  WorldFlags world;
  double seconds = 1.3;
  bool json = false;
};

template <typename Property>
void print_matrix(const char* title, const LinkModel& links, const Property& property) {
  fmt::print("\n{}\nfrom\\to", title);
  for (int to = 0; to < links.ranks; ++to) fmt::print(" {:>9}", to);
  for (int from = 0; from < links.ranks; ++from) {
    fmt::print("\n{:>7}", from);
    for (int to = 0; to < links.ranks; ++to)
      fmt::print(" {:>9}",
                 from == to ? "-" : fmt::format("{:.4g}", property(links.link(from, to))));
  }
  fmt::print("\n");
}

void report(const Options& options, const LinkModel& links, double took) {
  if (options.json) {
    auto json = json_of(links);
    json["measured_in_seconds"] = took;
    std::cout << json.dump(2) << std::endl;
    return;
  }
  fmt::print("{}\nmeasured in {:.2f} s\n", describe(links), took);
  print_matrix("latency, ms", links, [](const Link& link) { return link.latency_seconds * 1e3; });
  print_matrix("rate, MB/s", links, [](const Link& link) { return link.bytes_per_second / 1e6; });
  std::fflush(stdout);
}

ExitStatus run(const Options& options) {
  run_ranks(options.world.options(), [&](Transport& transport) {
    const Stopwatch watch;
    const LinkModel links = measure_links(transport, options.seconds);
    if (transport.rank() == 0) report(options, links, watch.seconds());
  });
  return ExitStatus::done;
}

}  // namespace

void add_links(CLI::App& bench, Action& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* sub = bench.add_subcommand(
      "links", "Latency and rate between ranks, each pair and direction, and what they share");
  options->world.add_to(*sub);
  sub->add_option("--seconds", options->seconds, "To measure in, more or less")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  sub->add_flag("--json", options->json, "For programs");
  sub->callback([options, &chosen] { chosen = [options] { return run(*options); }; });
}

}  // namespace laconic::bench
