// netlab-probe: measures what a link carries, from inside of its hosts. Times are seconds of
// CLOCK_MONOTONIC, which all hosts of a lab share, so that many probes can look at one window.
//
//   netlab-probe receive PORT FLOWS
//       Takes FLOWS connections and reads them to their end.
//   netlab-probe send ADDRESS PORT FROM UNTIL [CC]
//       Sends without a pause; prints the bytes of payload that were acknowledged between FROM and
//       UNTIL. CC: congestion control.
//   netlab-probe echo PORT
//       Answers datagrams, until it is killed.
//   netlab-probe ping ADDRESS PORT COUNT
//       Prints median and largest round trip of a datagram of 8 bytes, in nanoseconds, and how many
//       were lost.
#include <arpa/inet.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "cluster/switch/descriptor.h"
#include "cluster/switch/realtime.h"

namespace laconic::netlab {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kChunk = 256 * 1024;
constexpr auto kConnectWithin = std::chrono::seconds(10);
constexpr auto kPingTimeout = std::chrono::seconds(2);
constexpr auto kBetweenPings = std::chrono::milliseconds(5);

Clock::time_point at(const char* seconds) {
  return Clock::time_point(std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double>(std::stod(seconds))));
}

int milliseconds_until(Clock::time_point time) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(time - Clock::now()).count();
  return static_cast<int>(std::max<std::int64_t>(left, 0));
}

sockaddr_in address(const char* host, const char* port) {
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(static_cast<std::uint16_t>(std::stoi(port)));
  if (inet_pton(AF_INET, host, &name.sin_addr) != 1) {
    throw std::invalid_argument(std::string(host) + ": not an IPv4 address");
  }
  return name;
}

Descriptor bound(int type, const char* port) {
  Descriptor socket(checked(::socket(AF_INET, type | SOCK_CLOEXEC, 0), "socket"));
  const int yes = 1;
  setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const sockaddr_in name = address("0.0.0.0", port);
  checked(bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), "bind");
  return socket;
}

int receive(const char* port, int flows) {
  const Descriptor listening = bound(SOCK_STREAM, port);
  checked(listen(listening.get(), flows), "listen");
  std::vector<Descriptor> sockets;
  std::vector<pollfd> sources;
  for (int i = 0; i < flows; ++i) {
    sockets.emplace_back(checked(accept(listening.get(), nullptr, nullptr), "accept"));
    sources.push_back({sockets.back().get(), POLLIN, 0});
  }
  std::vector<char> chunk(kChunk);
  for (int open = flows; open > 0;) {
    poll(sources.data(), sources.size(), -1);
    for (pollfd& source : sources) {
      if (source.fd < 0 || source.revents == 0) continue;
      const ssize_t length = recv(source.fd, chunk.data(), chunk.size(), MSG_DONTWAIT);
      if (length > 0 || (length < 0 && errno == EAGAIN)) continue;
      source.fd = -1;  // poll passes over it from now on
      --open;
    }
  }
  return 0;
}

Descriptor connect_within(const sockaddr_in& to, const char* congestion) {
  const auto deadline = Clock::now() + kConnectWithin;
  for (;;) {
    Descriptor socket(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    if (congestion != nullptr) {
      checked(setsockopt(socket.get(), IPPROTO_TCP, TCP_CONGESTION, congestion,
                         static_cast<socklen_t>(std::strlen(congestion))),
              "congestion control (see net.ipv4.tcp_allowed_congestion_control)");
    }
    if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0)
      return socket;
    if (Clock::now() > deadline) checked(-1, "connect");
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

/// Payload that has come in at the other side, as far as is known here. What came out of order
/// counts where it came, else a loss near the edge of a window would move a round trip's bytes over
/// it.
std::int64_t acknowledged(int socket) {
  tcp_info info{};
  socklen_t size = sizeof info;
  checked(getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size), "TCP_INFO");
  return static_cast<std::int64_t>(info.tcpi_bytes_acked) +
         static_cast<std::int64_t>(info.tcpi_sacked) * info.tcpi_snd_mss;
}

void send_until(int socket, Clock::time_point time) {
  const std::vector<char> chunk(kChunk);
  pollfd source{socket, POLLOUT, 0};
  while (Clock::now() < time) {
    if (poll(&source, 1, milliseconds_until(time)) <= 0) continue;
    const auto sent = ::send(socket, chunk.data(), chunk.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) checked(-1, "send");
  }
}

int send(const sockaddr_in& to, Clock::time_point from, Clock::time_point until,
         const char* congestion) {
  const Descriptor socket = connect_within(to, congestion);
  const linger at_once{1, 0};  // what is not sent by then need not be
  checked(setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), "SO_LINGER");
  send_until(socket.get(), from);
  const std::int64_t before = acknowledged(socket.get());
  send_until(socket.get(), until);
  std::cout << acknowledged(socket.get()) - before << "\n";
  return 0;
}

int echo(const char* port) {
  const Descriptor socket = bound(SOCK_DGRAM, port);
  std::array<char, 2048> data{};
  for (;;) {
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    auto* name = reinterpret_cast<sockaddr*>(&peer);
    const auto length = recvfrom(socket.get(), data.data(), data.size(), 0, name, &size);
    if (length >= 0)
      sendto(socket.get(), data.data(), static_cast<std::size_t>(length), 0, name, size);
  }
}

/// One number over and back; negative if it did not come back in time.
double round_trip(int socket, std::uint64_t number) {
  const auto start = Clock::now();
  checked(static_cast<int>(::send(socket, &number, sizeof number, 0)), "send");
  const auto deadline = start + kPingTimeout;
  pollfd source{socket, POLLIN, 0};
  while (poll(&source, 1, milliseconds_until(deadline)) > 0) {
    std::uint64_t answer = 0;
    const auto length = recv(socket, &answer, sizeof answer, MSG_DONTWAIT);
    const std::chrono::duration<double, std::nano> time = Clock::now() - start;
    if (length == sizeof answer && answer == number) return time.count();
  }
  return -1;
}

int ping(const sockaddr_in& to, int count) {
  const Descriptor socket(checked(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket"));
  checked(connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), "connect");
  round_trip(socket.get(), ~std::uint64_t{0});  // the addresses are looked up by the first
  std::vector<double> times;
  for (int i = 0; i < count; ++i) {
    std::this_thread::sleep_for(kBetweenPings);
    const double time = round_trip(socket.get(), static_cast<std::uint64_t>(i));
    if (time >= 0) times.push_back(time);
  }
  if (times.empty()) throw std::runtime_error("no answer");
  std::sort(times.begin(), times.end());
  std::cout << std::llround(times[times.size() / 2]) << " " << std::llround(times.back()) << " "
            << count - static_cast<int>(times.size()) << "\n";
  return 0;
}

int run(int count, char** words) {
  const std::string verb = count > 1 ? words[1] : "";
  if (verb == "receive" && count == 4) return receive(words[2], std::stoi(words[3]));
  if (verb == "send" && (count == 6 || count == 7)) {
    const char* congestion = count == 7 ? words[6] : nullptr;
    return send(address(words[2], words[3]), at(words[4]), at(words[5]), congestion);
  }
  if (verb == "echo" && count == 3) return echo(words[2]);
  if (verb == "ping" && count == 5) return ping(address(words[2], words[3]), std::stoi(words[4]));
  throw std::invalid_argument("expected receive, send, echo or ping with what belongs to it");
}

}  // namespace
}  // namespace laconic::netlab

int main(int count, char** words) {
  try {
    laconic::netlab::ask_for_realtime();  // the cable is to be measured, not what else runs
    return laconic::netlab::run(count, words);
  } catch (const std::exception& error) {
    std::cerr << "netlab-probe: " << error.what() << "\n";
    return 1;
  }
}
