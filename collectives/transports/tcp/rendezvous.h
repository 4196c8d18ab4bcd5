#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <vector>

#include "collectives/transports/tcp.h"
#include "collectives/transports/tcp/connection.h"

namespace laconic::tcp {

/// What the rendezvous leaves: a connection to every other rank, open for messages, and who shares
/// a machine with whom.
struct Group {
  std::vector<std::shared_ptr<Connection>> peers;  ///< By rank; null for this one.
  std::vector<int> hosts;                          ///< As Transport::host_of.
};

/// How processes that know nothing but an address become a group.
///
/// Every rank dials rank 0 and says hello: who it is and where it listens. When all have come, rank
/// 0 sends the table of seats, and each rank dials those below it, by the session number that stood
/// in the table. So each pair has one connection, and whoever waits is sooner or later dialled.
/// What speaks no hello, or not within a few seconds, is a stranger: turned away and logged. Ranks
/// whose hellos contradict each other are told so, all of them, and the group does not form.
///
/// Runs `io` until it is through. The connections report to the rendezvous until they get another
/// owner: give them one before running `io` again. Throws TransportError.
Group rendezvous(asio::io_context& io, const TcpOptions& options, const TlsContext* tls,
                 const Log& log);

}  // namespace laconic::tcp
