#pragma once

#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace laconic::tcp {

namespace asio = boost::asio;

/// "host:port", an IPv6 address in brackets.
struct HostPort {
  std::string host;
  std::uint16_t port;
};

/// Throws ConfigError, naming `flag`.
HostPort parse_host_port(std::string_view flag, std::string_view text);

std::string to_text(const HostPort& where);

/// The address that a host is written as; nothing if it is a name.
std::optional<asio::ip::address> literal_address(const std::string& host);

/// Link-local IPv6 addresses name the interface that leads to them, which means something on one
/// machine only: left out of what others are told, put in again as in `local`.
asio::ip::address without_scope(asio::ip::address address);
std::string with_scope_of(const asio::ip::address& local, const std::string& host);

/// This machine's addresses behind --interface, which names one of them or an interface.
struct Interface {
  std::optional<asio::ip::address> v4, v6;

  /// Of the family of `peer`; nothing if there is none.
  std::optional<asio::ip::address> facing(const asio::ip::address& peer) const {
    return peer.is_v6() ? v6 : v4;
  }
};

/// Throws ConfigError if this machine has no such interface or it has no address.
Interface find_interface(const std::string& name);

/// A text that two processes share only if they run on one machine (host name and boot; containers
/// and emulated hosts with a name of their own count as machines).
std::string this_host();

}  // namespace laconic::tcp
