#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "cluster/switch/frame.h"
#include "cluster/switch/units.h"

/// One direction of a cable: frames go out one behind the other at the rate, and come in a latency
/// later. What does not fit the queue in front of it is dropped at its tail.
namespace laconic::netlab {

struct LinkOptions {
  double bits_per_second = std::numeric_limits<double>::infinity();
  Nanoseconds latency = 0;
  /// How long a frame may wait, in time at this rate. Sixteen full frames always fit.
  Nanoseconds queue = 50 * kMillisecond;
};

/// When the first and the last segment of a frame have come in completely.
struct Arrival {
  Nanoseconds first, last;
};

struct LinkCounters {
  std::uint64_t frames = 0, wire_bytes = 0, dropped_frames = 0;
};

class Link {
 public:
  explicit Link(const LinkOptions& options) : options_(options) {}

  /// The frame stands before the link as `came` says. Gives when it comes out at the other end, or
  /// nothing if it was dropped. Calls are in order of `came.first`; then no frame overtakes
  /// another.
  std::optional<Arrival> carry(const Frame& frame, Arrival came);

  /// For frames to come; those accepted keep the times they were given.
  void set(const LinkOptions& options) { options_ = options; }
  /// A frame that was on the way when the cable was cut.
  void lost() { ++counters_.dropped_frames; }

  const LinkOptions& options() const { return options_; }
  const LinkCounters& counters() const { return counters_; }

 private:
  Nanoseconds duration(std::uint64_t wire_bytes) const;

  LinkOptions options_;
  LinkCounters counters_;
  Nanoseconds free_ = 0;     ///< when the last accepted frame has gone out
  Nanoseconds arrived_ = 0;  ///< when it has come in
};

}  // namespace laconic::netlab
