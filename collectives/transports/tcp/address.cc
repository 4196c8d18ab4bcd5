#include "collectives/transports/tcp/address.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <unistd.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <fstream>
#include <memory>
#include <vector>

#include "base/errors.h"

namespace laconic::tcp {
namespace {

struct Found {
  std::string interface;
  asio::ip::address address;
};

std::optional<asio::ip::address> address_of(const sockaddr* raw) {
  if (raw == nullptr) return std::nullopt;
  if (raw->sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, raw, sizeof v4);
    return asio::ip::address_v4(ntohl(v4.sin_addr.s_addr));
  }
  if (raw->sa_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, raw, sizeof v6);
    asio::ip::address_v6::bytes_type bytes;
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return asio::ip::address_v6(bytes, v6.sin6_scope_id);
  }
  return std::nullopt;
}

std::vector<Found> addresses_of_this_machine() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0)
    throw ConfigError("--interface", "this machine does not tell its interfaces");
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(list, ::freeifaddrs);
  std::vector<Found> found;
  for (const ifaddrs* i = list; i != nullptr; i = i->ifa_next)
    if (const auto address = address_of(i->ifa_addr)) found.push_back({i->ifa_name, *address});
  return found;
}

bool link_local(const asio::ip::address& address) {
  return address.is_v6() && address.to_v6().is_link_local();
}

}  // namespace

HostPort parse_host_port(std::string_view flag, std::string_view text) {
  const auto refuse = [&] {
    return ConfigError(
        flag, "must be host:port, an IPv6 address in brackets, is '" + std::string(text) + "'");
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) throw refuse();
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  const bool bracketed = host.front() == '[' && host.back() == ']' && host.size() > 2;
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!bracketed && host.find_first_of("[]:") != std::string_view::npos) throw refuse();
  std::uint16_t port = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size() || port == 0)
    throw refuse();
  return {std::string(host), port};
}

std::string to_text(const HostPort& where) {
  const bool v6 = where.host.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", where.host, where.port)
            : fmt::format("{}:{}", where.host, where.port);
}

std::optional<asio::ip::address> literal_address(const std::string& host) {
  boost::system::error_code is_name;
  const auto address = asio::ip::make_address(host, is_name);
  if (is_name) return std::nullopt;
  return address;
}

asio::ip::address without_scope(asio::ip::address address) {
  if (!link_local(address)) return address;
  return asio::ip::address_v6(address.to_v6().to_bytes());
}

std::string with_scope_of(const asio::ip::address& local, const std::string& host) {
  const auto address = literal_address(host);
  if (!address || !link_local(*address) || !link_local(local)) return host;
  return asio::ip::address_v6(address->to_v6().to_bytes(), local.to_v6().scope_id()).to_string();
}

Interface find_interface(const std::string& name) {
  Interface result;
  const std::vector<Found> all = addresses_of_this_machine();
  for (const Found& found : all) {
    const bool matches = found.interface == name || literal_address(name) == found.address;
    auto& slot = found.address.is_v6() ? result.v6 : result.v4;
    // An address that works beyond one cable is preferred, else the first one counts.
    if (matches && (!slot || (link_local(*slot) && !link_local(found.address))))
      slot = found.address;
  }
  if (result.v4 || result.v6) return result;
  std::vector<std::string> names;
  for (const Found& found : all) names.push_back(found.interface);
  const std::string nearest = nearest_name(name, names);
  throw ConfigError("--interface", "this machine has no interface or address '" + name + "'" +
                                       (nearest.empty() ? "" : ", but '" + nearest + "'"));
}

std::string this_host() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  std::string boot;
  std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), boot);
  return std::string(name.data()) + "/" + boot;
}

}  // namespace laconic::tcp
