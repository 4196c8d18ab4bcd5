#include "collectives/transports/emulated_links.h"

#include <algorithm>
#include <utility>

namespace laconic {
namespace {

Journey::Clock::duration duration(double seconds) {
  return std::chrono::duration_cast<Journey::Clock::duration>(
      std::chrono::duration<double>(seconds));
}

}  // namespace

/// Two that enter at one moment do so in the order sent: those of one sender never change places.
bool EmulatedLinks::EntersLater::operator()(const std::shared_ptr<Journey>& a,
                                            const std::shared_ptr<Journey>& b) const {
  return std::pair(a->enters, a->number) > std::pair(b->enters, b->number);
}

EmulatedLinks::EmulatedLinks(int ranks, double latency_seconds, double bytes_per_second)
    : latency_(duration(latency_seconds)),
      seconds_per_byte_(bytes_per_second > 0 ? 1 / bytes_per_second : 0),
      interfaces_(static_cast<std::size_t>(ranks)) {}

std::shared_ptr<const Journey> EmulatedLinks::send(int from, int to, std::size_t bytes,
                                                   Journey::Moment now) {
  Journey::Moment& out_free = interfaces_[static_cast<std::size_t>(from)].out_free;
  const Journey::Moment begins = std::max(out_free, now);
  const auto carried = duration(static_cast<double>(bytes) * seconds_per_byte_);
  out_free = begins + carried;
  const auto journey = std::make_shared<Journey>(Journey{.to = to,
                                                         .number = sent_++,
                                                         .carried = carried,
                                                         .leaves = out_free,
                                                         .enters = begins + latency_});
  interfaces_[static_cast<std::size_t>(to)].coming.push(journey);
  return journey;
}

void EmulatedLinks::settle(int to, Journey::Moment now) {
  Interface& in = interfaces_[static_cast<std::size_t>(to)];
  for (; !in.coming.empty() && in.coming.top()->enters <= now; in.coming.pop()) {
    Journey& journey = *in.coming.top();
    in.in_free = std::max(in.in_free, journey.enters) + journey.carried;
    journey.arrives = in.in_free;
  }
}

}  // namespace laconic
