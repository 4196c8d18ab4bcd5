#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "base/rates.h"
#include "cluster/switch/frame.h"

/// Frames that wait for a link.
namespace laconic::netlab {

/// When the first and the last segment of a frame have come in completely.
struct Arrival {
  Nanoseconds first, last;
};

struct Waiting {
  Frame frame;
  Arrival came;
};

/// Flows take turns by bytes; in a flow, first in, first out. (Start-time fair queueing: Goyal, Vin
/// and Cheng, SIGCOMM 1996, https://doi.org/10.1145/248156.248171.) A flow that has nothing waiting
/// is served next, so an acknowledgement or a heartbeat does not stand behind another flow's bulk.
class FairQueue {
 public:
  void push(std::uint32_t flow, Waiting waiting);
  std::optional<Waiting> pop();
  /// Takes the newest frame of the flow with the most bytes away. There must be one.
  Frame drop();

  bool empty() const { return frames_ == 0; }
  std::uint64_t wire_bytes() const { return wire_bytes_; }

 private:
  struct Tagged {
    std::uint64_t start;  ///< virtual time, in bytes
    Waiting waiting;
  };
  struct Flow {
    std::deque<Tagged> frames;
    std::uint64_t finish = 0, wire_bytes = 0;
  };
  void take_off(Flow& flow, std::uint64_t wire_bytes);

  std::map<std::uint32_t, Flow> flows_;  ///< those with frames, or that had more than their turn
  std::uint64_t virtual_time_ = 0, frames_ = 0, wire_bytes_ = 0;
};

}  // namespace laconic::netlab
