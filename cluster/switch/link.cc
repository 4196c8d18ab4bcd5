#include "cluster/switch/link.h"

#include <algorithm>
#include <cmath>

namespace laconic::netlab {
namespace {

constexpr std::uint64_t kSmallestQueue = 16 * 1518;

}  // namespace

Nanoseconds Link::duration(std::uint64_t wire_bytes) const {
  return std::llround(static_cast<double>(wire_bytes) * 8e9 / options_.bits_per_second);
}

// A bundle behaves as its segments would: sending starts when the first of them is here, and cannot
// end before the last of them, which came at the pace of the link before, is here and sent. At
// equal rates a bundle is thus delayed by one segment's time a hop, not by its own.
std::optional<Arrival> Link::carry(const Frame& frame, Arrival came) {
  const Nanoseconds longest_wait = std::max(options_.queue, duration(kSmallestQueue));
  if (free_ - came.first > longest_wait) {
    ++counters_.dropped_frames;
    return std::nullopt;
  }
  const Nanoseconds start = std::max(free_, came.first);
  const Nanoseconds end =
      std::max(start + duration(frame.wire_bytes), came.last + duration(frame.last_bytes));
  free_ = end;
  ++counters_.frames;
  counters_.wire_bytes += frame.wire_bytes;
  // A latency that was made shorter lets no frame overtake those still on the longer way.
  arrived_ = std::max(arrived_, end + options_.latency);
  return Arrival{std::min(start + duration(frame.first_bytes) + options_.latency, arrived_),
                 arrived_};
}

}  // namespace laconic::netlab
