#pragma once

#include <limits>
#include <string>
#include <vector>

#include "base/types.h"
#include "collectives/transport.h"

namespace laconic {

/// One direction between two ranks, while nothing else is on its way.
struct Link {
  double latency_seconds = 0;  ///< From the call that sends a few bytes to the one that has them.
  double bytes_per_second = std::numeric_limits<double>::infinity();  ///< Of payload, when warm.
};

/// What messages of a group cost: LogGP (Alexandrov, Ionescu, Schauser and Scheiman, SPAA 1995),
/// with a link of its own for each pair and direction, and with what several messages share: the
/// interface of a rank, and the machine or the switch that all of them go through.
struct LinkModel {
  int ranks = 1;
  std::vector<int> hosts;   ///< By rank, as Transport::host_of.
  std::vector<Link> links;  ///< By sender * ranks + receiver; those to oneself are not looked at.
  /// What is left of it while both ends of a link send at once: less than 1 where, as in TCP,
  /// acknowledgements wait behind messages that go their way.
  double both_ways_share = 1;
  /// By rank: what all messages that it sends, or receives, at one time share.
  std::vector<double> out_bytes_per_second, in_bytes_per_second;
  /// What all messages of the group share: less than the interfaces together where the switch in
  /// the middle, or the memory of the one machine, is what bounds.
  double together_bytes_per_second = std::numeric_limits<double>::infinity();
  /// What a full packet takes besides its latency and its time at the rate, and a shorter one in
  /// proportion: a switch passes a packet on when it has all of it, which long messages hide.
  double packet_seconds = 0;
  /// What a rank takes for each message that it sends or receives, of the latency and besides.
  double message_seconds = 0;
  /// By how much each message delays all others: more than 0 where ranks share processors.
  double crowd_seconds = 0;
  /// The share of these two that messages below kTinyBytes take: TCP acknowledges small ones like
  /// each other one by one, tiny ones with what goes back.
  double tiny_share = 1;
  /// The share of crowd_seconds that a message takes which a rank sends right after another: its
  /// kernel, and its receivers', see to several at one time.
  double row_share = 1;
  bool shared_memory = false;  ///< Ranks of a machine reach each other's.
  double add_bytes_per_second = std::numeric_limits<double>::infinity();  ///< Of summands.

  static constexpr double kTinyBytes = 64, kPacketBytes = 1400;
  double share_of(double bytes) const { return bytes < kTinyBytes ? tiny_share : 1; }
  double message_seconds_of(double bytes) const { return share_of(bytes) * message_seconds; }
  double crowd_seconds_of(double bytes) const { return share_of(bytes) * crowd_seconds; }

  const Link& link(int from, int to) const { return links[from * ranks + to]; }
  Link& link(int from, int to) { return links[from * ranks + to]; }
};

/// All links alike, and each interface as fast as its link: what a cluster would be.
LinkModel uniform_links(int ranks, const Link& link);

/// Measures the links of a group, in about `seconds`, once its connections have warmed up a little:
/// latencies are halves of round trips, medians; rates are those of the fastest stretches, so that
/// a window that TCP has not opened yet does not count. Links that seem worse than most are
/// measured again while there is time. Every rank calls it, nothing else being on its way, and gets
/// the same model. Where there are too many pairs for the time, those that were not measured get
/// the medians of the others.
LinkModel measure_links(Transport& transport, double seconds = 1.3);

/// For the log, in one line: "4 ranks on 4 hosts: latency 5.1 ms (5.0 to 5.2), 11.8 MB/s (...)".
std::string describe(const LinkModel& links);

}  // namespace laconic
