#include "collectives/transports/tcp/connection.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "collectives/transports/tcp/address.h"

namespace laconic::tcp {
namespace {

/// Read from one connection before the others get their turn.
constexpr std::size_t kReadAtOnce = std::size_t{1} << 20;

/// The most that the kernel gathers before it wakes us: some packets, but little of a window, which
/// would close while nobody reads.
constexpr std::size_t kMostAwaited = std::size_t{16} << 10;

/// Sets a flag while a function runs; false if it was set already.
class Entered {
 public:
  explicit Entered(bool& flag) : flag_(flag), first_(!std::exchange(flag, true)) {}
  ~Entered() {
    if (first_) flag_ = false;
  }
  Entered(const Entered&) = delete;
  Entered& operator=(const Entered&) = delete;
  explicit operator bool() const { return first_; }

 private:
  bool& flag_;
  bool first_;
};

}  // namespace

Connection::Connection(std::unique_ptr<Stream> stream, std::size_t buffer_bytes, Owner& owner)
    : stream_(std::move(stream)), inbox_(buffer_bytes), owner_(&owner) {
  ErrorCode gone;
  const Endpoint remote = stream_->socket().remote_endpoint(gone);
  remote_ = gone ? "somebody who has gone" : to_text({remote.address().to_string(), remote.port()});
}

void Connection::start() { guarded(&Connection::pump); }

void Connection::open(int peer) { inbox_.open(peer); }

asio::ip::address Connection::local_address() {
  return stream_->socket().local_endpoint().address();
}

/// Whatever goes wrong on a connection ends the connection, not the thread that happens to serve
/// it.
void Connection::guarded(void (Connection::*step)()) {
  try {
    (this->*step)();
  } catch (const TransportError& error) {
    owner_->on_error(error);
  } catch (const std::exception& error) {
    broken(error.what());
  }
}

void Connection::pump() {
  if (!shake_hands()) return;
  read();
  write();
}

bool Connection::shake_hands() {
  if (ready_ || closed_) return ready_;
  const Moved moved = stream_->handshake();
  if (moved.io == Io::ended) broken("closed before the TLS handshake was through");
  if (moved.io == Io::failed) broken(stream_->error());
  if (closed_) return false;
  if (moved.io != Io::moved) {
    await(moved.io);
    return false;
  }
  ready_ = true;
  owner_->on_ready(*this);
  return true;
}

/// Before the TLS handshake is through, not a byte of the peer's gets past OpenSSL: he may be
/// anybody.
void Connection::read() {
  const Entered entered(reading_);
  if (!entered || !ready_) return;
  for (std::size_t total = 0; !closed_;) {
    const Inbox::Room room = inbox_.room();
    if (room.size() == 0) return;  // until a receive makes room
    const Moved moved = stream_->read(room.first, room.second);
    if (moved.io == Io::ended) return at_end();
    if (moved.io == Io::failed) return broken(write_failed_ ? "connection lost" : stream_->error());
    if (moved.io != Io::moved) return await(moved.io);
    heard_ = true;
    inbox_.filled(moved.bytes, *this);
    if (!stream_->reads_piecemeal() && moved.bytes < room.size()) return await(Io::needs_read);
    total += moved.bytes;
    if (total < kReadAtOnce) continue;
    asio::post(stream_->socket().get_executor(),
               [self = shared_from_this()] { self->guarded(&Connection::read); });
    return;
  }
}

void Connection::write() {
  const Entered entered(writing_);
  if (!entered || !ready_) return;
  while (!closed_ && !write_failed_) {
    const bool last = outbox_.empty();
    const Moved moved = last ? stream_->flush() : stream_->write(outbox_.gather());
    if (moved.io == Io::failed) {
      // The peer may have said why before it closed: that stands in what is still to be read.
      write_failed_ = true;
      if (inbox_.paused()) broken(stream_->error());
      return;
    }
    if (moved.io != Io::moved) return await(moved.io);
    if (last) break;
    said_ = true;
    outbox_.sent(moved.bytes, done_);
    for (const Outbox::Sent& sent : done_) owner_->on_sent(sent.ticket, sent.bytes);
    done_.clear();
  }
  if (!finishing_ || closed_ || shut_) return;
  shut_ = true;
  ErrorCode ignored;
  stream_->socket().shutdown(Socket::shutdown_send, ignored);
}

void Connection::await(Io what) {
  if (closed_) return;
  const bool reads = what == Io::needs_read;
  // Also while there is a wait already: it may be for more than is now to come.
  if (reads && !stream_->reads_piecemeal()) wake_for(std::min(inbox_.awaited(), kMostAwaited));
  if (std::exchange(reads ? awaits_read_ : awaits_write_, true)) return;
  stream_->socket().async_wait(reads ? Socket::wait_read : Socket::wait_write,
                               [self = shared_from_this(), reads](const ErrorCode& cancelled) {
                                 (reads ? self->awaits_read_ : self->awaits_write_) = false;
                                 if (!cancelled && !self->closed_) self->guarded(&Connection::pump);
                               });
}

/// On a slow link a message comes packet by packet, and each would take a processor away from the
/// computation.
void Connection::wake_for(std::size_t bytes) {
  if (std::exchange(wakes_for_, bytes) == bytes) return;
  ErrorCode ignored;  // woken too often is not wrong
  stream_->socket().set_option(Socket::receive_low_watermark(static_cast<int>(bytes)), ignored);
}

void Connection::received(std::uint64_t ticket, std::size_t bytes) {
  owner_->on_received(ticket, bytes);
}

void Connection::control(FrameType type, Bytes payload) {
  if (type == FrameType::leave)
    left_ = true;
  else
    owner_->on_control(*this, type, payload);
}

void Connection::send(std::uint64_t ticket, Tag tag, Bytes payload) {
  outbox_.message(ticket, tag, payload);
  write();
}

void Connection::receive(std::uint64_t ticket, std::uint16_t channel, MutBytes into) {
  const bool paused = inbox_.paused();
  inbox_.post(ticket, channel, into, *this);
  if (paused && !inbox_.paused()) {
    silent_beats_ = 0;
    guarded(&Connection::read);
  }
}

void Connection::send_control(FrameType type, std::vector<std::byte> payload) {
  if (closed_ || finishing_) return;
  outbox_.control(type, std::move(payload));
  write();
}

void Connection::leave() {
  if (closed_ || finishing_) return;
  if (!ready_) return close();
  outbox_.control(FrameType::leave, {});
  finish();
}

void Connection::give_up(const std::vector<std::byte>& notice) {
  if (closed_ || finishing_) return;
  if (!ready_) return close();
  outbox_.cut();
  outbox_.control(FrameType::abort, notice);
  finish();
}

void Connection::finish() {
  finishing_ = true;
  inbox_.drop();
  write();
  guarded(&Connection::read);
}

/// The peer's end of the stream.
void Connection::at_end() {
  if (!left_ && !finishing_) return broken("connection closed");
  const bool surprise = !finishing_;
  hang_up();  // what it said before is still to be received
  if (surprise) owner_->on_left(*this);
}

void Connection::broken(std::string_view why) {
  if (closed_) return;
  const bool surprise = !finishing_;
  const std::string kept(why);
  close();
  if (surprise) owner_->on_broken(*this, kept);
}

void Connection::close() {
  hang_up();
  inbox_.drop();
}

void Connection::hang_up() {
  if (std::exchange(closed_, true)) return;
  outbox_.cut();
  ErrorCode ignored;
  stream_->socket().close(ignored);
}

int Connection::beat(double heartbeat_seconds) {
  if (closed_) return 0;
  if (!std::exchange(said_, false) && ready_ && !finishing_ && outbox_.empty())
    send_control(FrameType::heartbeat, {});
  const auto beats = [&](std::uint32_t milliseconds) {
    return static_cast<int>(std::min(milliseconds * 1e-3 / heartbeat_seconds, 1e9));
  };
  if (inbox_.paused()) {
    // Its heartbeats wait behind messages that we do not read. That its machine still acknowledges
    // ours tells that the link is whole; the rest is up to the deadline.
    silent_beats_ = beats(kernel_says().tcpi_last_ack_recv);
  } else if (std::exchange(heard_, false)) {
    silent_beats_ = 0;
  } else {
    // What has come and is not yet worth waking up for is a sign of life too.
    silent_beats_ = std::min(silent_beats_ + 1, beats(kernel_says().tcpi_last_data_recv));
  }
  return silent_beats_;
}

/// All zeros where it says nothing.
tcp_info Connection::kernel_says() const {
  tcp_info info{};
  socklen_t size = sizeof info;
  ::getsockopt(stream_->socket().native_handle(), IPPROTO_TCP, TCP_INFO, &info, &size);
  return info;
}

}  // namespace laconic::tcp
