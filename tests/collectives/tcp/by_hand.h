#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include "collectives/transports/tcp.h"
#include "collectives/transports/tcp/frame.h"
#include "collectives/transports/tcp/handshake.h"

/// The other end of a connection by hand, to say what no rank would say.
namespace laconic::test {

/// What a wire shows at the TLS handshake. It trusts anybody.
struct WireTls {
  std::optional<TcpTls> shown;  ///< Nothing: no certificate.
  bool old_version = false;     ///< 1.2
};

/// One end of a blocking TCP connection on this machine, bare or under TLS. No call takes longer
/// than 20 s.
class Wire {
 public:
  /// Calls 127.0.0.1. Throws where nobody listens; `in_order()` tells how the TLS handshake went.
  explicit Wire(std::uint16_t port, const std::optional<WireTls>& tls = std::nullopt);
  /// Answers a call.
  Wire(int accepted, const std::optional<WireTls>& tls);
  Wire(Wire&&) noexcept;
  ~Wire();

  bool in_order() const { return in_order_; }

  /// False where the other end has closed.
  bool say(Bytes bytes);
  bool say(std::string_view text) { return say(std::as_bytes(std::span(text))); }
  bool say(const tcp::FrameHeader& header, Bytes payload = {});
  /// Beneath TLS.
  bool say_raw(Bytes bytes);

  /// All up to the end of the stream; throws where that does not come.
  std::vector<std::byte> rest();
  /// The payload of the next frame of that type; others are skipped.
  std::vector<std::byte> hear(tcp::FrameType type);

  /// Says that no more will come, and still hears.
  void shut();
  /// Ends as a process does that is killed with bytes unread.
  void reset();

 private:
  struct Ssl;
  void shake_hands(const WireTls& tls, bool accepted);
  std::size_t hear_some(MutBytes to);

  int fd_ = -1;
  std::unique_ptr<Ssl> ssl_;
  bool in_order_ = true;
};

std::vector<std::byte> joined(Bytes a, Bytes b);
std::vector<std::byte> frame_of(tcp::FrameType type, Bytes payload);

/// What a rank says first.
tcp::Hello hello_of(int rank, int ranks, std::uint64_t session = 0);
std::vector<std::byte> frame_of(const tcp::Hello& hello);

/// The highest rank of a group. When it is made it has said all that makes messages flow, and
/// nothing since.
class FakeRank {
 public:
  FakeRank(std::uint16_t rendezvous, int ranks, const std::optional<WireTls>& tls = std::nullopt);

  std::vector<Wire> wires;  ///< To ranks 0 to ranks - 2.
  tcp::Table table;

  void say_to_all(const tcp::FrameHeader& header, Bytes payload = {});
};

/// Takes one call, and keeps what it hears.
class FakeServer {
 public:
  FakeServer(std::optional<WireTls> tls, std::string_view greeting);
  ~FakeServer();

  std::uint16_t port() const { return port_; }
  /// All that the caller said until he closed, beneath TLS if there is any.
  std::vector<std::byte> heard();

 private:
  int listening_;
  std::uint16_t port_ = 0;
  std::vector<std::byte> heard_;
  std::thread thread_;
};

}  // namespace laconic::test
