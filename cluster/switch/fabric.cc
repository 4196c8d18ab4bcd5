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
  const LinkOptions each = of_host ? half_latency(options) : options;
  const Link in(each, Link::Service::kOrder);
  const Link out(each, of_host ? Link::Service::kFlows : Link::Service::kOrder);
  cables_.push_back({std::move(name), {a, b}, {options, options}, {in, out}});
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

bool Fabric::later(const Event& a, const Event& b) {
  return std::pair(a.due, a.order) > std::pair(b.due, b.order);
}

void Fabric::schedule(Nanoseconds due, int cable, int end, std::optional<Waiting> frame) {
  events_.push_back({due, order_++, cable, end, cables_[cable].cuts, std::move(frame)});
  std::push_heap(events_.begin(), events_.end(), later);
}

void Fabric::carry(int cable, int end, Frame frame, Arrival came) {
  Link& link = cables_[cable].towards[end];
  if (!cables_[cable].joined) {
    link.lose(frame);
    return;
  }
  link.offer(std::move(frame), came);
  serve(cable, end, came.last);
}

void Fabric::serve(int cable, int end, Nanoseconds now) {
  Link& link = cables_[cable].towards[end];
  while (auto sent = link.send(now)) {
    const Nanoseconds due = sent->came.last;
    schedule(due, cable, end, std::move(sent));
  }
  bool& waits = cables_[cable].waits[end];
  const auto ready = link.ready();
  if (ready && !waits) schedule(*ready, cable, end, std::nullopt);
  waits = waits || ready;
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
  while (next_due() <= now) {
    std::pop_heap(events_.begin(), events_.end(), later);
    Event event = std::move(events_.back());
    events_.pop_back();
    Cable& cable = cables_[event.cable];
    const int node = cable.ends[event.end];
    if (!event.frame) {
      cable.waits[event.end] = false;
      serve(event.cable, event.end, event.due);
    } else if (cable.cuts != event.cuts) {
      cable.towards[event.end].lose(event.frame->frame);
    } else if (node < options_.hosts) {
      deliver(node, event.frame->frame);
    } else {
      forward(node, event.cable, std::move(event.frame->frame), event.frame->came);
    }
  }
}

Nanoseconds Fabric::next_due() const {
  return events_.empty() ? std::numeric_limits<Nanoseconds>::max() : events_.front().due;
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

void Fabric::set(std::string_view name, int end, const LinkOptions& options) {
  Cable& cable = cables_[find(name)];
  cable.options[end] = options;
  const bool of_host = cable.ends[0] < options_.hosts;
  cable.towards[end].set(of_host ? half_latency(options) : options);
}

void Fabric::cut(std::string_view name) {
  Cable& cable = cables_[find(name)];
  if (!cable.joined) return;
  cable.joined = false;
  ++cable.cuts;
  for (Link& link : cable.towards) link.clear();
}

void Fabric::join(std::string_view name) { cables_[find(name)].joined = true; }

}  // namespace laconic::netlab
