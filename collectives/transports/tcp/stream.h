#pragma once

#include <sys/uio.h>

#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <span>
#include <string>

#include "base/types.h"

namespace laconic::tcp {

namespace asio = boost::asio;
using Socket = asio::ip::tcp::socket;
using Endpoint = asio::ip::tcp::endpoint;
using ErrorCode = boost::system::error_code;

class TlsContext;

/// How an attempt to move bytes ended. None of them blocks.
enum class Io { moved, needs_read, needs_write, ended, failed };

struct Moved {
  Io io;
  std::size_t bytes = 0;
};

/// A connected socket, bare or under TLS. Used by one thread at a time.
class Stream {
 public:
  virtual ~Stream() = default;

  /// `moved` when it is through. Nothing is read or written before.
  virtual Moved handshake() = 0;

  /// Fills `first`, then `second`; ended at the end of the stream.
  virtual Moved read(MutBytes first, MutBytes second) = 0;

  /// Takes bytes from the front of `pieces`. What it took may still be in the stream: flush().
  virtual Moved write(std::span<const iovec> pieces) = 0;

  /// Hands on what write() took; `moved` when nothing is left.
  virtual Moved flush() = 0;

  /// True if a read that fills less than its room may leave bytes behind.
  virtual bool reads_piecemeal() const = 0;

  /// Why it failed last.
  const std::string& error() const { return error_; }
  Socket& socket() { return socket_; }

 protected:
  explicit Stream(Socket socket);

  Moved failed(int error_number);
  ssize_t receive(MutBytes first, MutBytes second);
  ssize_t send(std::span<const iovec> pieces);

  Socket socket_;
  std::string error_;
};

/// `dialled`: this side called (the client, in TLS). No context: bare.
std::unique_ptr<Stream> make_stream(Socket socket, const TlsContext* tls, bool dialled);

}  // namespace laconic::tcp
