#include "collectives/transports/tcp/stream.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "collectives/transports/tcp/tls.h"

namespace laconic::tcp {
namespace {

class BareStream final : public Stream {
 public:
  explicit BareStream(Socket socket) : Stream(std::move(socket)) {}

  Moved handshake() override { return {Io::moved}; }

  Moved read(MutBytes first, MutBytes second) override {
    const ssize_t count = receive(first, second);
    if (count > 0) return {Io::moved, static_cast<std::size_t>(count)};
    if (count == 0) return {Io::ended};
    return errno == EAGAIN ? Moved{Io::needs_read} : failed(errno);
  }

  Moved write(std::span<const iovec> pieces) override {
    const ssize_t count = send(pieces);
    if (count >= 0) return {Io::moved, static_cast<std::size_t>(count)};
    return errno == EAGAIN ? Moved{Io::needs_write} : failed(errno);
  }

  Moved flush() override { return {Io::moved}; }

  bool reads_piecemeal() const override { return false; }
};

}  // namespace

Stream::Stream(Socket socket) : socket_(std::move(socket)) {
  // Small messages must not wait for the acknowledgement of the one before.
  socket_.set_option(asio::ip::tcp::no_delay(true));
  socket_.non_blocking(true);
}

Moved Stream::failed(int error_number) {
  error_ = std::generic_category().message(error_number);
  return {Io::failed};
}

ssize_t Stream::receive(MutBytes first, MutBytes second) {
  std::array<iovec, 2> pieces{iovec{first.data(), first.size()},
                              iovec{second.data(), second.size()}};
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = second.empty() ? 1 : 2;
  ssize_t count;
  do {
    count = ::recvmsg(socket_.native_handle(), &message, 0);
  } while (count < 0 && errno == EINTR);
  return count;
}

ssize_t Stream::send(std::span<const iovec> pieces) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces.data());
  message.msg_iovlen = pieces.size();
  ssize_t count;
  do {
    count = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL);
  } while (count < 0 && errno == EINTR);
  return count;
}

std::unique_ptr<Stream> make_stream(Socket socket, const TlsContext* tls, bool dialled) {
  if (tls != nullptr) return tls->make_stream(std::move(socket), dialled);
  return std::make_unique<BareStream>(std::move(socket));
}

}  // namespace laconic::tcp
