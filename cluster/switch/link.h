#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "base/rates.h"
#include "cluster/switch/fair_queue.h"

/// One direction of a cable: frames go out one behind the other at the rate, and come in a latency
/// later. Those that wait stand in a queue; when it is full, frames are dropped.
namespace laconic::netlab {

struct LinkOptions {
  double bits_per_second = std::numeric_limits<double>::infinity();
  Nanoseconds latency = 0;
  /// What may wait, as its time at the rate. Sixteen full frames always fit, before a host's own
  /// cable a thousand.
  Nanoseconds queue = 50 * kMillisecond;
};

struct LinkCounters {
  std::uint64_t packets = 0, wire_bytes = 0, payload = 0;  ///< sent, each as Frame says
  std::uint64_t dropped = 0;  ///< packets that found the queue full or the cable cut
};

class Link {
 public:
  /// kFlows: as a host's own network card and its queueing discipline do. kOrder: as a switch does.
  enum class Service { kFlows, kOrder };

  Link(const LinkOptions& options, Service service) : options_(options), service_(service) {}

  /// A frame that came as `came` says, the last segment just now.
  void offer(Frame frame, Arrival came);
  /// Sends the next frame, if there is one and the last one is out by `now`: its times are those at
  /// which it comes out at the other end. No frame overtakes another there.
  std::optional<Waiting> send(Nanoseconds now);
  /// When send() can give the next frame, if one waits.
  std::optional<Nanoseconds> ready() const;

  /// Counts also for what waits already; what was sent keeps its times.
  void set(const LinkOptions& options) { options_ = options; }
  /// Drops what waits.
  void clear();
  /// The frame was lost on this link.
  void lose(const Frame& frame) { counters_.dropped += frame.packets; }

  const LinkCounters& counters() const { return counters_; }

 private:
  Nanoseconds duration(std::uint64_t wire_bytes) const;

  LinkOptions options_;
  Service service_;
  FairQueue queue_;
  LinkCounters counters_;
  Nanoseconds free_ = 0;     ///< when the last frame has gone out
  Nanoseconds arrived_ = 0;  ///< when it has come in
};

}  // namespace laconic::netlab
