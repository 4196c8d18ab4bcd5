#pragma once

#include <string>
#include <vector>

#include "cluster/switch/descriptor.h"
#include "cluster/switch/tap.h"

/// The hosts of a lab: network and UTS namespaces that nothing but this process's descriptors keep
/// alive. No file is made and no name is bound, so when the process ends, however it ends, the
/// kernel takes back the namespaces and with them the TAP devices.
namespace laconic::netlab {

struct Host {
  Descriptor network, name;  ///< the namespaces
  Tap tap;                   ///< eth0 in there
};

struct Lab {
  Descriptor
      user;  ///< a user namespace of its own, where the caller may not do without; else empty
  std::vector<Host> hosts;
};

/// Leaves the calling process in namespaces of its own. `hosts` hosts, named h0, h1, ...
/// Throws std::system_error that says what is missing.
Lab make_lab(int hosts);

}  // namespace laconic::netlab
