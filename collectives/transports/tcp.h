#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "base/log.h"
#include "collectives/transport.h"

namespace laconic {

/// TLS 1.3 on every connection, both sides with a certificate. Whoever holds one signed by the CA
/// is trusted to be the rank that he says he is; host names are not looked at. Files are PEM.
struct TcpTls {
  std::string ca_file;
  std::string certificate_file;  ///< This rank's, with the chain up to the CA if there is one.
  std::string key_file;
};

struct TcpOptions {
  /// Where rank 0 listens and the others come: "10.0.0.1:4000", "[fd00::1]:4000", "node1:4000". An
  /// address is listened on as it stands, a name (but localhost) on every interface.
  std::string rendezvous;
  int rank = 0;
  int ranks = 1;
  /// Interface ("eth1") or address of this machine to talk from; empty: whatever leads to rank 0.
  std::string interface;
  std::optional<TcpTls> tls;
  /// Processes with another one are turned away: a straggler of the last run, say. At most 64
  /// printable characters.
  std::string job;
  double deadline_seconds = 60;    ///< Of every wait, and of the rendezvous as a whole.
  double heartbeat_seconds = 1;    ///< How often a silent connection says that it lives.
  double dead_after_seconds = 10;  ///< A peer that is silent for so long is lost; survives a short
                                   ///< cut. At least two heartbeats.
  /// Messages that come before they are asked for are kept up to this many bytes a peer; then its
  /// connection is not read until there is room. Not small, so that ranks may run ahead of others.
  std::size_t buffer_bytes = std::size_t{64} << 20;
};

/// One rank of a group of processes, by TCP: one connection for each pair of ranks. Returns when
/// this rank has all of its connections. Strangers that speak nonsense are turned away and logged.
/// Throws ConfigError for options that cannot work, TransportError where the group does not form
/// within the deadline (then every rank that came is told why).
///
/// A thread of its own serves the connections while no thread waits in the transport; while one
/// does, that one serves them itself. After a failure all ranks throw with the first cause.
/// Destroying it says goodbye and waits, up to the deadline, until the peers have read all that
/// was sent.
std::unique_ptr<Transport> make_tcp_transport(const TcpOptions& options, Log log = quiet_log());

}  // namespace laconic
