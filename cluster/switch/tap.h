#pragma once

#include <optional>

#include "cluster/switch/descriptor.h"
#include "cluster/switch/frame.h"

/// A TAP device: the host's end of a cable is a network interface, the switch's a file descriptor.
namespace laconic::netlab {

class Tap {
 public:
  /// Makes the device in the calling thread's network namespace. It goes when this object does.
  Tap(const char* name, int host);

  /// The next frame that the host sent; nothing if there is none now. Never blocks.
  std::optional<Frame> read();
  /// False if the host does not take it: its interface is down.
  bool write(const Frame& frame);

  /// Whether the host may hand over segments in bundles.
  void set_bundles(bool on);
  /// What the host's interface says of its cable.
  void set_carrier(bool on);
  int descriptor() const { return fd_.get(); }

 private:
  Descriptor fd_;
};

}  // namespace laconic::netlab
