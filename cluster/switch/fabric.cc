#include "cluster/switch/fabric.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <stdexcept>
#include <utility>

namespace laconic::netlab {
namespace {

/// A host's latency is said host to host, and a way has two hosts.
LinkOptions half_latency(LinkOptions options) {
  options.latency /= 2;
  return options;
}

std::string numbered(char letter, int number) { return letter + std::to_string(number); }

}  // namespace

Fabric::Fabric(const FabricOptions& options) : options_(options) {
  const int hosts = options.hosts;
  const int first_site = options.shape == Shape::two_sites ? (hosts + 1) / 2 : hosts;
  const bool chain = options.shape == Shape::chain;
  for (int host = 0; host < hosts; ++host) {
    const int at = hosts + (chain ? host : host < first_site ? 0 : 1);
    add_cable(numbered('h', host), host, at, chain ? LinkOptions{} : options.cable);
  }
  const int trunks = chain ? hosts - 1 : options.shape == Shape::two_sites ? 1 : 0;
  for (int trunk = 0; trunk < trunks; ++trunk) {
    add_cable(numbered('t', trunk), hosts + trunk, hosts + trunk + 1,
              chain ? options.cable : options.between);
  }
  find_ways();
}

void Fabric::add_cable(std::string name, int a, int b, const LinkOptions& options) {
  const bool of_host = a < options_.hosts;
  const Link link(of_host ? half_latency(options) : options);
  cables_.push_back({std::move(name), {a, b}, options, {link, link}});
  at_.resize(static_cast<std::size_t>(std::max<int>(static_cast<int>(at_.size()), b + 1)));
  for (const int end : {a, b}) at_[end].push_back(static_cast<int>(cables_.size()) - 1);
}

// The cables form a tree, so walking away from a host once shows every other node its way back.
void Fabric::find_ways() {
  way_.assign(at_.size(), std::vector<int>(options_.hosts, -1));
  for (int host = 0; host < options_.hosts; ++host) {
    std::vector<std::pair<int, int>> walk{{host, -1}};  // node, the cable it was reached by
    while (!walk.empty()) {
      const auto [node, by] = walk.back();
      walk.pop_back();
      way_[node][host] = by;
      for (const int cable : at_[node]) {
        const Cable& c = cables_[cable];
        if (cable != by) walk.emplace_back(c.ends[0] == node ? c.ends[1] : c.ends[0], cable);
      }
    }
  }
}

bool Fabric::later(const Flight& a, const Flight& b) {
  return std::pair(a.due.last, a.order) > std::pair(b.due.last, b.order);
}

void Fabric::carry(int cable, int end, Frame frame, Arrival came) {
  Cable& c = cables_[cable];
  if (!c.joined) {
    c.towards[end].lost();
    return;
  }
  const auto due = c.towards[end].carry(frame, came);
  if (!due) return;
  flights_.push_back({*due, order_++, cable, end, c.cuts, std::move(frame)});
  std::push_heap(flights_.begin(), flights_.end(), later);
}

void Fabric::forward(int node, int from_cable, Frame frame, Arrival came) {
  const auto out = [&](int cable, Frame copy) {
    carry(cable, cables_[cable].ends[0] == node ? 1 : 0, std::move(copy), came);
  };
  if (frame.to == Frame::kEveryone) {
    for (const int cable : at_[node]) {
      if (cable != from_cable) out(cable, frame);
    }
  } else if (frame.to >= 0 && frame.to < options_.hosts && way_[node][frame.to] != from_cable) {
    out(way_[node][frame.to], std::move(frame));
  }
}

void Fabric::send(int host, Frame frame, Nanoseconds now) {
  assert(host >= 0 && host < options_.hosts);
  if (frame.to != host) forward(host, -1, std::move(frame), {now, now});
}

void Fabric::advance(Nanoseconds now, const Deliver& deliver) {
  while (!flights_.empty() && flights_.front().due.last <= now) {
    std::pop_heap(flights_.begin(), flights_.end(), later);
    Flight flight = std::move(flights_.back());
    flights_.pop_back();
    Cable& cable = cables_[flight.cable];
    const int node = cable.ends[flight.end];
    if (cable.cuts != flight.cuts) {
      cable.towards[flight.end].lost();
    } else if (node < options_.hosts) {
      deliver(node, flight.frame);
    } else {
      forward(node, flight.cable, std::move(flight.frame), flight.due);
    }
  }
}

Nanoseconds Fabric::next_due() const {
  return flights_.empty() ? std::numeric_limits<Nanoseconds>::max() : flights_.front().due.last;
}

std::vector<std::string> Fabric::described() const {
  std::vector<std::string> names;
  for (const Cable& cable : cables_) {
    const bool of_host = cable.ends[0] < options_.hosts;
    if (of_host != (options_.shape == Shape::chain)) names.push_back(cable.name);
  }
  return names;
}

int Fabric::find(std::string_view name) const {
  const auto found = std::find_if(cables_.begin(), cables_.end(),
                                  [&](const Cable& cable) { return cable.name == name; });
  if (found != cables_.end()) return static_cast<int>(found - cables_.begin());
  throw std::invalid_argument("no cable '" + std::string(name) + "'; there are " +
                              cables_.front().name + " to " + cables_.back().name);
}

const Cable& Fabric::cable(std::string_view name) const { return cables_[find(name)]; }

void Fabric::set(std::string_view name, const LinkOptions& options) {
  Cable& cable = cables_[find(name)];
  cable.options = options;
  const bool of_host = cable.ends[0] < options_.hosts;
  for (Link& link : cable.towards) link.set(of_host ? half_latency(options) : options);
}

void Fabric::cut(std::string_view name) {
  Cable& cable = cables_[find(name)];
  if (cable.joined) ++cable.cuts;
  cable.joined = false;
}

void Fabric::join(std::string_view name) { cables_[find(name)].joined = true; }

}  // namespace laconic::netlab
