#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/switch/link.h"

/// Hosts, switches and the cables between them; frames under way, in order of time.
///
/// It makes no system call and reads no clock: it is told the time, so a test can run it alone.
///
///   star        every host has a cable to one switch
///   two_sites   two such stars, the first half of the hosts (rounded up) and the rest, and a cable
///               t0 between their switches
///   chain       every host stands beside a switch of its own, and cables t0, t1, ... join the
///               switches in a row; a host's own cable costs nothing
///
/// Latency is one way. That of a host's cable (h0, h1, ...) is said host to host: each of its two
/// directions takes half of what is set for it, so a frame from a to b needs (latency out of a +
/// latency into b) / 2 besides what the cables between switches add in full. A switch sends a frame
/// on when it has come in whole.
namespace laconic::netlab {

enum class Shape { star, two_sites, chain };

struct FabricOptions {
  int hosts = 0;
  Shape shape = Shape::star;
  LinkOptions cable;    ///< of the hosts; in a chain, of the cables in the row
  LinkOptions between;  ///< of the cable between two sites
};

struct Cable {
  std::string name;
  int ends[2];                     ///< nodes: hosts first, then switches
  LinkOptions options[2];          ///< of the frames that go to ends[0], to ends[1]
  Link towards[2];                 ///< the same, as links
  bool waits[2] = {false, false};  ///< an event is due when that link can send again
  bool joined = true;
  std::uint64_t cuts = 0;
};

class Fabric {
 public:
  using Deliver = std::function<void(int host, const Frame& frame)>;

  explicit Fabric(const FabricOptions& options);

  /// A host's frame goes out. Calls are in order of `now`.
  void send(int host, Frame frame, Nanoseconds now);
  /// Hands over all frames that have come in by `now`, in order.
  void advance(Nanoseconds now, const Deliver& deliver);
  /// When the next frame is due somewhere; the largest time if none is under way.
  Nanoseconds next_due() const;

  int hosts() const { return options_.hosts; }
  Shape shape() const { return options_.shape; }
  const std::vector<Cable>& cables() const { return cables_; }
  /// The cables that options.cable describes: what a change without a name is meant for.
  std::vector<std::string> described() const;

  /// The following throw std::invalid_argument where no cable has that name.
  const Cable& cable(std::string_view name) const;
  void set(std::string_view name, int end, const LinkOptions& options);
  /// Frames on the cable are lost, and those to come, until it is joined. Both are idempotent.
  void cut(std::string_view name);
  void join(std::string_view name);

 private:
  /// A frame comes out of a link, or (without a frame) a link can send what waits for it.
  struct Event {
    Nanoseconds due;
    std::uint64_t order;
    int cable, end;
    std::uint64_t cuts;
    std::optional<Waiting> frame;
  };
  static bool later(const Event& a, const Event& b);

  void add_cable(std::string name, int a, int b, const LinkOptions& options);
  void find_ways();
  int find(std::string_view name) const;
  void schedule(Nanoseconds due, int cable, int end, std::optional<Waiting> frame);
  void carry(int cable, int end, Frame frame, Arrival came);
  void serve(int cable, int end, Nanoseconds now);
  void forward(int node, int from_cable, Frame frame, Arrival came);

  FabricOptions options_;
  std::vector<Cable> cables_;
  std::vector<std::vector<int>> at_;   ///< the cables at a node
  std::vector<std::vector<int>> way_;  ///< the cable at a node on which a host is reached
  std::vector<Event> events_;          ///< a heap, the earliest in front
  std::uint64_t order_ = 0;
};

}  // namespace laconic::netlab
