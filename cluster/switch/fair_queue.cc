#include "cluster/switch/fair_queue.h"

#include <algorithm>
#include <utility>

namespace laconic::netlab {

void FairQueue::push(std::uint32_t flow_id, Waiting waiting) {
  Flow& flow = flows_[flow_id];
  const std::uint64_t bytes = waiting.frame.wire_bytes;
  const std::uint64_t start = std::max(virtual_time_, flow.finish);
  flow.finish = start + bytes;
  flow.wire_bytes += bytes;
  wire_bytes_ += bytes;
  ++frames_;
  flow.frames.push_back({start, std::move(waiting)});
}

// The flow whose turn it is has the smallest start. A flow without frames is remembered until the
// virtual time has reached its finish: from then on it is like a new one.
std::optional<Waiting> FairQueue::pop() {
  if (empty()) return std::nullopt;
  const auto turn =
      std::min_element(flows_.begin(), flows_.end(), [](const auto& a, const auto& b) {
        if (a.second.frames.empty() || b.second.frames.empty()) return !a.second.frames.empty();
        return a.second.frames.front().start < b.second.frames.front().start;
      });
  Flow& flow = turn->second;
  virtual_time_ = flow.frames.front().start;
  Waiting waiting = std::move(flow.frames.front().waiting);
  flow.frames.pop_front();
  take_off(flow, waiting.frame.wire_bytes);
  std::erase_if(flows_, [this](const auto& entry) {
    return entry.second.frames.empty() && entry.second.finish <= virtual_time_;
  });
  return waiting;
}

Frame FairQueue::drop() {
  const auto longest = std::max_element(
      flows_.begin(), flows_.end(),
      [](const auto& a, const auto& b) { return a.second.wire_bytes < b.second.wire_bytes; });
  Flow& flow = longest->second;
  Frame frame = std::move(flow.frames.back().waiting.frame);
  flow.finish = flow.frames.back().start;
  flow.frames.pop_back();
  take_off(flow, frame.wire_bytes);
  return frame;
}

void FairQueue::take_off(Flow& flow, std::uint64_t wire_bytes) {
  flow.wire_bytes -= wire_bytes;
  wire_bytes_ -= wire_bytes;
  --frames_;
}

}  // namespace laconic::netlab
