#include "cluster/switch/cable_change.h"

#include <algorithm>
#include <stdexcept>

namespace laconic::netlab {

Nanoseconds default_queue(Nanoseconds latency) { return std::max(50 * kMillisecond, 2 * latency); }

CableChange::CableChange(const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    const auto equals = word.find('=');
    if (equals == std::string::npos)
      cables_.push_back(word);
    else
      read(word.substr(0, equals), word.substr(equals + 1));
  }
}

void CableChange::read(const std::string& field, const std::string& value) {
  if (field == "rate") {
    rate_ = parse_rate(value);
  } else if (field == "latency") {
    latency_ = parse_time(value);
  } else if (field == "queue") {
    queue_ = parse_time(value);
  } else if (field != "direction") {
    throw std::invalid_argument("set: no field '" + field + "'");
  } else if (value == "out" || value == "in") {
    ends_ = {value == "out" ? kOut : kIn};
  } else {
    throw std::invalid_argument("direction '" + value + "': expected out or in");
  }
}

LinkOptions CableChange::apply(LinkOptions options, bool queue_follows_latency) const {
  options.bits_per_second = rate_.value_or(options.bits_per_second);
  options.latency = latency_.value_or(options.latency);
  if (latency_ && queue_follows_latency) options.queue = default_queue(options.latency);
  options.queue = queue_.value_or(options.queue);
  return options;
}

}  // namespace laconic::netlab
