#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "collectives/transports/tcp.h"

/// Groups over TCP on this machine, whose ranks are threads.
namespace laconic::test {

/// A port of the loopback that nobody listens on just now.
std::uint16_t free_port();

/// "127.0.0.1:port"
std::string free_rendezvous();

/// Calls `run` with the options of each rank, each in a thread of its own; rethrows the exception
/// of the lowest rank that threw.
void on_every_rank(const TcpOptions& common, int ranks,
                   const std::function<void(const TcpOptions&)>& run);

/// The whole group; `common` without rank and ranks. An empty rendezvous is one on the loopback,
/// and port 0 of another is a free one.
std::vector<std::unique_ptr<Transport>> make_tcp_group(int ranks, TcpOptions common);

/// Certificates for tests, made once in a directory that goes with it. Throws if openssl fails.
class Certificates {
 public:
  Certificates();
  ~Certificates();
  Certificates(const Certificates&) = delete;
  Certificates& operator=(const Certificates&) = delete;

  TcpTls good() const;
  TcpTls of_another_ca() const;  ///< Trusts the good CA, shows what another one has signed.
  TcpTls expired() const;

  const std::string& directory() const { return directory_; }

 private:
  std::string directory_;
};

}  // namespace laconic::test
