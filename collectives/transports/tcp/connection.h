#pragma once

#include <netinet/tcp.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/errors.h"
#include "collectives/transports/tcp/inbox.h"
#include "collectives/transports/tcp/outbox.h"
#include "collectives/transports/tcp/stream.h"

namespace laconic::tcp {

/// A stream with an inbox and an outbox: reads and writes whenever the socket is ready. Always made
/// by std::make_shared; used by whoever has the reactor's turn.
///
/// Its life: [TLS handshake] → frames both ways → finish(): what is queued is still written, what
/// comes is thrown away → the peer's end of the stream → closed.
class Connection final : public std::enable_shared_from_this<Connection>, private Inbox::Sink {
 public:
  /// Who is told of what happens. Calls come from within the connection's own; all of it may be
  /// called back from them.
  class Owner {
   public:
    virtual void on_ready(Connection& connection) = 0;  // frames may flow
    virtual void on_control(Connection& connection, FrameType type, Bytes payload) = 0;
    virtual void on_received(std::uint64_t ticket, std::size_t bytes) = 0;
    virtual void on_sent(std::uint64_t ticket, std::size_t bytes) = 0;
    /// The peer has left in order.
    virtual void on_left(Connection& connection) = 0;
    /// Closed, after an error that this connection did not expect.
    virtual void on_broken(Connection& connection, std::string_view why) = 0;
    /// A peer's fault that has a name already.
    virtual void on_error(const TransportError& error) = 0;

   protected:
    ~Owner() = default;
  };

  Connection(std::unique_ptr<Stream> stream, std::size_t buffer_bytes, Owner& owner);

  void start();
  void set_owner(Owner& owner) { owner_ = &owner; }

  /// The handshake is through: messages may flow.
  void open(int peer);

  void send(std::uint64_t ticket, Tag tag, Bytes payload);
  void receive(std::uint64_t ticket, std::uint16_t channel, MutBytes into);
  void send_control(FrameType type, std::vector<std::byte> payload);

  /// Says goodbye and finishes.
  void leave();
  /// Gives all buffers back, says why and finishes.
  void give_up(const std::vector<std::byte>& notice);
  void close();

  /// To be called once a heartbeat. Says one where nothing else was said since the last call;
  /// returns for how many calls the peer has been silent.
  int beat(double heartbeat_seconds);

  bool closed() const { return closed_; }
  /// "10.0.0.2:41234"; still known when it is closed.
  const std::string& remote() const { return remote_; }
  asio::ip::address local_address();

 private:
  void received(std::uint64_t ticket, std::size_t bytes) override;
  void control(FrameType type, Bytes payload) override;

  void pump();
  bool shake_hands();
  void read();
  void write();
  void await(Io what);
  void wake_for(std::size_t bytes);
  void guarded(void (Connection::*step)());
  void finish();
  void at_end();
  void hang_up();
  void broken(std::string_view why);
  tcp_info kernel_says() const;

  std::unique_ptr<Stream> stream_;
  Inbox inbox_;
  Outbox outbox_;
  std::vector<Outbox::Sent> done_;
  Owner* owner_;
  std::string remote_;
  std::size_t wakes_for_ = 1;  // bytes
  int silent_beats_ = 0;
  bool ready_ = false;      // the TLS handshake is through
  bool heard_ = false;      // since the last beat
  bool said_ = false;       // since the last beat
  bool left_ = false;       // the peer, by its own word
  bool finishing_ = false;  // we
  bool shut_ = false;       // our end of the stream has been said
  bool write_failed_ = false;
  bool closed_ = false;
  bool awaits_read_ = false, awaits_write_ = false;
  bool reading_ = false, writing_ = false;  // calls come back from the owner
};

}  // namespace laconic::tcp
