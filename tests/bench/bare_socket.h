#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>

#include "base/check.h"
#include "base/types.h"

namespace laconic::bench {

/// A blocking connection of two processes by the loopback, as one would write it for the occasion.
class BareSocket {
 public:
  /// Rank 1 listens there, rank 0 calls it.
  BareSocket(int rank, std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const auto* where = reinterpret_cast<const sockaddr*>(&address);
    const int on = 1;
    if (rank == 1) {
      ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
      check(::bind(fd_, where, sizeof address) == 0 && ::listen(fd_, 1) == 0,
            "a port to listen on");
      const int listening = fd_;
      fd_ = ::accept(listening, nullptr, nullptr);
      ::close(listening);
    } else {
      int attempts = 0;
      while (::connect(fd_, where, sizeof address) != 0 && ++attempts < 1000) ::usleep(10000);
    }
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  ~BareSocket() { ::close(fd_); }
  BareSocket(const BareSocket&) = delete;
  BareSocket& operator=(const BareSocket&) = delete;

  void send(Bytes bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      check(count > 0, "the other end is there");
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
  }
  void receive(MutBytes bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::recv(fd_, bytes.data(), bytes.size(), 0);
      check(count > 0, "the other end is there");
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
  }

 private:
  int fd_;
};

}  // namespace laconic::bench
