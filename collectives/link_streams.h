#pragma once

#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "collectives/transport.h"

/// Streams of messages between ranks, by which measure_links finds rates.
namespace laconic {

/// When messages of a stream came in: seconds since it began, bytes in all until then.
using Arrivals = std::vector<std::pair<double, std::size_t>>;

/// Of a whole stream, the latency and TCP's start included. Bytes a second, as all of these.
double mean_rate(const Arrivals& arrived);

/// Of the last half of a stream's messages.
double later_rate(const Arrivals& arrived);

/// As fast as it gets: while TCP still opens its window messages come in bursts, one each round
/// trip, as fast within a burst as they ever will. The rate of a stretch that is not short, taken
/// where few are slower for a pause between bursts; nothing where there is no such stretch.
std::optional<double> full_rate(const Arrivals& arrived);

/// Sends streams, and holds what is sent and received. Messages grow from 2 KB to 256 KB. How much
/// is under way follows what the other end has said to have, so that on a slow link little is left
/// in buffers when time is up, and on a long one enough to fill it.
class LinkStreams {
 public:
  explicit LinkStreams(Transport& transport);

  /// Messages to each of `to` for `seconds`, and when what came from each of `from`; where a stream
  /// still becomes faster from trip to trip, for up to `open_seconds`. Ranks call it so that
  /// every stream has both its ends.
  std::vector<Arrivals> run(std::span<const int> to, std::span<const int> from, double seconds,
                            double open_seconds = 0);

 private:
  struct Outgoing;
  struct Incoming;

  Transport& transport_;
  std::vector<std::byte> cargo_, inbox_;
};

}  // namespace laconic
