#include "tests/collectives/tcp/by_hand.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <stdexcept>
#include <string>
#include <utility>

#include "base/check.h"

namespace laconic::test {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int call(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in address = loopback(port);
  for (int attempt = 0; attempt < 2000; ++attempt) {  // who is called may not listen yet
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
    if (errno != ECONNREFUSED) break;
    ::usleep(10000);
  }
  ::close(fd);
  throw std::runtime_error("nobody listens on port " + std::to_string(port));
}

void set_patience(int fd) {
  const timeval patience{.tv_sec = 20, .tv_usec = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

/// OpenSSL's own socket writing raises SIGPIPE where the other end has gone. Kept from this thread
/// alone: whether the ranks' own raises it is under test.
class NoSigpipe {
 public:
  NoSigpipe() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~NoSigpipe() {
    const timespec at_once{};
    sigtimedwait(&pipe_, nullptr, &at_once);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;

 private:
  sigset_t pipe_, before_;
};

}  // namespace

struct Wire::Ssl {
  SSL_CTX* context = SSL_CTX_new(TLS_method());
  SSL* ssl = nullptr;
  ~Ssl() {
    SSL_free(ssl);
    SSL_CTX_free(context);
  }
};

Wire::Wire(std::uint16_t port, const std::optional<WireTls>& tls) : fd_(call(port)) {
  set_patience(fd_);
  if (tls) shake_hands(*tls, false);
}

Wire::Wire(int accepted, const std::optional<WireTls>& tls) : fd_(accepted) {
  set_patience(fd_);
  if (tls) shake_hands(*tls, true);
}

Wire::Wire(Wire&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), ssl_(std::move(other.ssl_)), in_order_(other.in_order_) {}

Wire::~Wire() {
  if (fd_ >= 0) ::close(fd_);
}

void Wire::shake_hands(const WireTls& tls, bool accepted) {
  ssl_ = std::make_unique<Ssl>();
  if (tls.old_version) SSL_CTX_set_max_proto_version(ssl_->context, TLS1_2_VERSION);
  if (tls.shown) {
    check(SSL_CTX_use_certificate_chain_file(ssl_->context, tls.shown->certificate_file.c_str()) ==
                  1 &&
              SSL_CTX_use_PrivateKey_file(ssl_->context, tls.shown->key_file.c_str(),
                                          SSL_FILETYPE_PEM) == 1,
          "a certificate and its key");
  }
  ssl_->ssl = SSL_new(ssl_->context);
  SSL_set_fd(ssl_->ssl, fd_);
  const NoSigpipe quiet;
  in_order_ = (accepted ? SSL_accept(ssl_->ssl) : SSL_connect(ssl_->ssl)) == 1;
  ERR_clear_error();
}

bool Wire::say(Bytes bytes) {
  if (!ssl_) return say_raw(bytes);
  const NoSigpipe quiet;
  ERR_clear_error();
  std::size_t count = 0;
  return bytes.empty() || SSL_write_ex(ssl_->ssl, bytes.data(), bytes.size(), &count) == 1;
}

bool Wire::say(const tcp::FrameHeader& header, Bytes payload) {
  return say(tcp::encode_header(header)) && say(payload);
}

bool Wire::say_raw(Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
  return true;
}

/// 0 at the end of the stream, however it ends.
std::size_t Wire::hear_some(MutBytes to) {
  if (ssl_) {
    const NoSigpipe quiet;
    ERR_clear_error();
    std::size_t count = 0;
    SSL_read_ex(ssl_->ssl, to.data(), to.size(), &count);
    return count;
  }
  const ssize_t got = ::recv(fd_, to.data(), to.size(), 0);
  if (got < 0 && errno == EAGAIN) throw std::runtime_error("the other end neither speaks nor goes");
  return got > 0 ? static_cast<std::size_t>(got) : 0;
}

std::vector<std::byte> Wire::rest() {
  std::vector<std::byte> all;
  std::array<std::byte, 4096> some;
  while (const std::size_t count = hear_some(some))
    all.insert(all.end(), some.begin(), some.begin() + static_cast<std::ptrdiff_t>(count));
  return all;
}

std::vector<std::byte> Wire::hear(tcp::FrameType type) {
  const auto fill = [&](MutBytes to) {
    while (!to.empty()) {
      const std::size_t count = hear_some(to);
      if (count == 0) throw std::runtime_error("the other end has closed");
      to = to.subspan(count);
    }
  };
  for (;;) {
    tcp::HeaderBytes bytes;
    fill(bytes);
    const tcp::FrameHeader header = tcp::decode_header(bytes);
    std::vector<std::byte> payload(tcp::segment_bytes(header));
    fill(payload);
    if (header.type == type) return payload;
  }
}

void Wire::shut() { ::shutdown(fd_, SHUT_WR); }

void Wire::reset() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ::close(std::exchange(fd_, -1));
}

tcp::Hello hello_of(int rank, int ranks, std::uint64_t session) {
  return {.rank = static_cast<std::uint32_t>(rank),
          .ranks = static_cast<std::uint32_t>(ranks),
          .session = session,
          .job = {},
          .host = "by hand",
          .address = "127.0.0.1",
          .port = 1};
}

std::vector<std::byte> joined(Bytes a, Bytes b) {
  std::vector<std::byte> both(a.size() + b.size());
  std::ranges::copy(a, both.begin());
  std::ranges::copy(b, both.begin() + static_cast<std::ptrdiff_t>(a.size()));
  return both;
}

std::vector<std::byte> frame_of(tcp::FrameType type, Bytes payload) {
  return joined(tcp::encode_header({.type = type, .length = payload.size()}), payload);
}

std::vector<std::byte> frame_of(const tcp::Hello& hello) {
  return frame_of(tcp::FrameType::hello, tcp::encode(hello));
}

FakeRank::FakeRank(std::uint16_t rendezvous, int ranks, const std::optional<WireTls>& tls) {
  wires.emplace_back(rendezvous, tls);
  wires[0].say(frame_of(hello_of(ranks - 1, ranks)));
  table = tcp::decode_table(wires[0].hear(tcp::FrameType::table));
  for (int r = 1; r < ranks - 1; ++r) {
    wires.emplace_back(table.seats[r].port, tls);
    wires[r].say(frame_of(hello_of(ranks - 1, ranks, table.session)));
    wires[r].hear(tcp::FrameType::welcome);
  }
}

void FakeRank::say_to_all(const tcp::FrameHeader& header, Bytes payload) {
  for (Wire& wire : wires) wire.say(header, payload);
}

FakeServer::FakeServer(std::optional<WireTls> tls, std::string_view greeting)
    : listening_(::socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  check(::bind(listening_, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
            ::listen(listening_, 5) == 0 &&
            ::getsockname(listening_, reinterpret_cast<sockaddr*>(&address), &size) == 0,
        "a port to listen on");
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this, tls = std::move(tls), greeting = std::string(greeting)] {
    const int fd = ::accept(listening_, nullptr, nullptr);
    if (fd < 0) return;
    Wire wire(fd, tls);
    if (!greeting.empty()) wire.say(greeting);
    heard_ = wire.rest();
  });
}

FakeServer::~FakeServer() {
  ::shutdown(listening_, SHUT_RDWR);
  if (thread_.joinable()) thread_.join();
  ::close(listening_);
}

std::vector<std::byte> FakeServer::heard() {
  thread_.join();
  return heard_;
}

}  // namespace laconic::test
