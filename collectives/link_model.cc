#include "collectives/link_model.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace laconic {
namespace {

struct Spread {
  double least, median, most;
};

Spread spread_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {values.front(), values[values.size() / 2], values.back()};
}

/// Of one property of all links.
template <typename Property>
Spread spread_over_links(const LinkModel& links, const Property& property) {
  std::vector<double> values;
  for (int from = 0; from < links.ranks; ++from)
    for (int to = 0; to < links.ranks; ++to)
      if (from != to) values.push_back(property(links.link(from, to)));
  return spread_of(std::move(values));
}

std::string milliseconds(double seconds) { return fmt::format("{:.3g} ms", seconds * 1e3); }
std::string rate(double bytes_per_second) {
  return fmt::format("{:.4g} MB/s", bytes_per_second / 1e6);
}

}  // namespace

LinkModel uniform_links(int ranks, const Link& link) {
  LinkModel links;
  links.ranks = ranks;
  const auto n = static_cast<std::size_t>(ranks);
  for (int r = 0; r < ranks; ++r) links.hosts.push_back(r);
  links.links.assign(n * n, link);
  links.out_bytes_per_second.assign(n, link.bytes_per_second);
  links.in_bytes_per_second.assign(n, link.bytes_per_second);
  return links;
}

std::string describe(const LinkModel& links) {
  if (links.ranks == 1) return "one rank, no links";
  const Spread latency =
      spread_over_links(links, [](const Link& link) { return link.latency_seconds; });
  const Spread speed =
      spread_over_links(links, [](const Link& link) { return link.bytes_per_second; });
  const int hosts = *std::max_element(links.hosts.begin(), links.hosts.end()) + 1;
  std::string text = fmt::format(
      "{} ranks on {} host{}: latency {} ({} to {}), {} ({} to {})", links.ranks, hosts,
      hosts == 1 ? "" : "s", milliseconds(latency.median), milliseconds(latency.least),
      milliseconds(latency.most), rate(speed.median), rate(speed.least), rate(speed.most));
  if (links.both_ways_share < 1)
    text += fmt::format(", {:.0f} % of it both ways", 1e2 * links.both_ways_share);
  if (std::isfinite(links.together_bytes_per_second))
    text += ", together " + rate(links.together_bytes_per_second);
  return text + fmt::format(
                    "; {:.3g} us a packet, {:.3g} us a message, {:.3g} us for each other one "
                    "({:.0f} % in a row), {:.0f} % of them if tiny; adds {}",
                    links.packet_seconds * 1e6, links.message_seconds * 1e6,
                    links.crowd_seconds * 1e6, links.row_share * 1e2, links.tiny_share * 1e2,
                    rate(links.add_bytes_per_second));
}

}  // namespace laconic
