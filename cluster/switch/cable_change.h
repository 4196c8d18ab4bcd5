#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cluster/switch/link.h"

namespace laconic::netlab {

/// The ends of a cable, by the frames that go there: into the host (or the lower switch), and out
/// of it.
inline constexpr int kIn = 0, kOut = 1;

/// How long a frame may wait before a cable of that latency, where nobody said.
Nanoseconds default_queue(Nanoseconds latency);

/// A request to change cables while frames are on them: words that name cables, and fields
/// rate=10mbit, latency=5ms, queue=50ms, direction=out or in. Without a direction it is both.
class CableChange {
 public:
  /// Throws std::invalid_argument that says which word is wrong.
  explicit CableChange(const std::vector<std::string>& words);

  const std::vector<std::string>& cables() const { return cables_; }
  const std::vector<int>& ends() const { return ends_; }

  /// What is not named stays as it is; the queue goes with the latency where nobody set one.
  LinkOptions apply(LinkOptions options, bool queue_follows_latency) const;

 private:
  void read(const std::string& field, const std::string& value);

  std::vector<std::string> cables_;
  std::vector<int> ends_{kIn, kOut};
  std::optional<double> rate_;
  std::optional<Nanoseconds> latency_, queue_;
};

}  // namespace laconic::netlab
