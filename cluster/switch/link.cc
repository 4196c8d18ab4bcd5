#include "cluster/switch/link.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace laconic::netlab {
namespace {

constexpr std::uint64_t kSmallestQueue = 16 * 1518;
// A host's kernel lets its own sockets wait rather than lose what they send (TCP small queues). A
// tap does not tell the sockets that frames still wait, so the queue holds what they would.
constexpr std::uint64_t kSmallestHostQueue = 1000 * 1518;

}  // namespace

Nanoseconds Link::duration(std::uint64_t wire_bytes) const {
  return std::llround(static_cast<double>(wire_bytes) * 8e9 / options_.bits_per_second);
}

void Link::offer(Frame frame, Arrival came) {
  const std::uint32_t flow = service_ == Service::kFlows ? frame.flow : 0;
  queue_.push(flow, {std::move(frame), came});
  const std::uint64_t smallest = service_ == Service::kFlows ? kSmallestHostQueue : kSmallestQueue;
  while (queue_.wire_bytes() > smallest && duration(queue_.wire_bytes()) > options_.queue)
    lose(queue_.drop());
}

// A bundle behaves as its segments would: sending starts when the first of them is here, and cannot
// end before the last of them, which came at the pace of the link before, is here and sent. At
// equal rates a bundle is thus delayed by one segment's time a hop, not by its own.
std::optional<Waiting> Link::send(Nanoseconds now) {
  if (free_ > now) return std::nullopt;
  auto next = queue_.pop();
  if (!next) return std::nullopt;
  const Frame& frame = next->frame;
  const Arrival came = next->came;
  const Nanoseconds start = std::max(free_, came.first);
  free_ = std::max(start + duration(frame.wire_bytes), came.last + duration(frame.last_bytes));
  counters_.packets += frame.packets;
  counters_.payload += frame.payload;
  counters_.wire_bytes += frame.wire_bytes;
  // A latency that was made shorter lets no frame overtake those still on the longer way.
  arrived_ = std::max(arrived_, free_ + options_.latency);
  next->came = {std::min(start + duration(frame.first_bytes) + options_.latency, arrived_),
                arrived_};
  return next;
}

std::optional<Nanoseconds> Link::ready() const {
  if (queue_.empty()) return std::nullopt;
  return free_;
}

void Link::clear() {
  while (!queue_.empty()) lose(queue_.drop());
}

}  // namespace laconic::netlab
