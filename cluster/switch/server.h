#pragma once

#include <sys/types.h>

#include <cstdint>
#include <list>
#include <string>
#include <vector>

#include "cluster/switch/fabric.h"
#include "cluster/switch/lab.h"

/// Carries frames between the hosts of a lab and answers requests, on one thread that sleeps in
/// epoll until a frame comes, a frame is due (a timer without the scheduler's slack), or someone
/// asks.
///
/// Requests (control.h):
///   status                       what status() in server.cc writes, one line a thing
///   set [rate=R] [latency=T] [queue=T] [direction=out|in] [CABLE...]
///       No cable: all those that up's --rate describes. No direction: both.
///   cut CABLE [silent]
///       Silent: the host is not told that its cable is out.
///   join CABLE
///   owner PID|none
///       The lab ends with that process.
///   enter
///       "hosts N", and the namespaces as descriptors: a network and a name a host, then the user
///       namespace if there is one. Whoever keeps this connection open sees the lab's end as its
///       end.
///   quit
namespace laconic::netlab {

struct ServerOptions {
  std::string name;
  FabricOptions fabric;
  Nanoseconds queue = 0;  ///< for all cables; 0: one round trip of the cable, at least 50 ms
  bool bundles = true;    ///< hosts may hand over many segments as one frame
};

class Server {
 public:
  /// `owner` 0: none. `realtime`: how this process is scheduled, for the status.
  Server(const ServerOptions& options, Lab lab, Descriptor listening, pid_t owner, bool realtime);

  /// Until asked to quit, the owner has ended, or SIGTERM, SIGINT or SIGHUP.
  void run();

 private:
  void wait_for_events();
  void take_frames(int host);
  void set_timer();
  void accept_request();
  void answer(std::list<Descriptor>::iterator peer);
  std::string act(const std::vector<std::string>& words);
  std::string set(const std::vector<std::string>& words);
  std::string status() const;
  void set_owner(pid_t pid);
  void cut(const std::string& cable, bool silent);
  void join(const std::string& cable);
  void set_bundles();
  void watch(int fd, std::uint64_t what);

  ServerOptions options_;
  Fabric fabric_;
  Lab lab_;
  Descriptor listening_, epoll_, timer_, signals_, owner_;
  pid_t owner_pid_ = 0;
  bool realtime_;
  std::list<Descriptor> peers_;
  Nanoseconds timer_due_ = 0;
  std::size_t bundle_bytes_ = 0;
  bool over_ = false;
};

}  // namespace laconic::netlab
