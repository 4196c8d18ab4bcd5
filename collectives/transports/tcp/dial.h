#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "collectives/transports/tcp/address.h"
#include "collectives/transports/tcp/stream.h"

namespace laconic::tcp {

/// Connects to a host, however often it takes: names that do not resolve yet, ports that nobody
/// listens on yet and networks that are down are tried again, until stop(). Made by
/// std::make_shared.
class Dial final : public std::enable_shared_from_this<Dial> {
 public:
  using Connected = std::function<void(Socket)>;

  Dial(asio::io_context& io, HostPort to, std::optional<Interface> from, Connected connected);

  void start();
  void stop();

  /// Why the last attempt failed.
  const std::string& last_error() const { return last_error_; }
  std::string where() const { return to_text(to_); }

 private:
  void resolve();
  void try_next();
  void connect(const Endpoint& endpoint);
  void on_connect(const ErrorCode& error);
  void again_later();

  asio::io_context& io_;
  const HostPort to_;
  const std::optional<Interface> from_;
  Connected connected_;
  asio::ip::tcp::resolver resolver_;
  asio::steady_timer timer_;
  Socket socket_;
  std::vector<Endpoint> endpoints_;
  std::size_t next_ = 0;
  int rounds_ = 0;
  bool stopped_ = false;
  std::string last_error_ = "no answer";
};

}  // namespace laconic::tcp
