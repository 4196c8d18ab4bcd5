#include "tests/collectives/tcp/tcp_group.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <utility>

namespace laconic::test {

namespace {

// Below the ports that the system gives to those who call: a call of another test, which may run
// beside this one, would take a port between our look and its use.
constexpr std::uint32_t kFirstPort = 10000, kPorts = 20000;

template <typename Address>
bool is_taken(const Address& address, int family) {
  const int fd = ::socket(family, SOCK_STREAM, 0);
  const bool taken =
      ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
      errno == EADDRINUSE;
  if (fd >= 0) ::close(fd);
  return taken;
}

bool is_taken(std::uint16_t port) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  v6.sin6_addr = in6addr_loopback;
  return is_taken(v4, AF_INET) || is_taken(v6, AF_INET6);
}

}  // namespace

/// Processes begin at different ones, and take one after the other.
std::uint16_t free_port() {
  static std::atomic<std::uint32_t> next = static_cast<std::uint32_t>(::getpid()) * 61;
  for (std::uint32_t tries = 0; tries < kPorts; ++tries) {
    const auto port = static_cast<std::uint16_t>(kFirstPort + next++ % kPorts);
    if (!is_taken(port)) return port;
  }
  throw std::runtime_error("no free port");
}

std::string free_rendezvous() { return "127.0.0.1:" + std::to_string(free_port()); }

void on_every_rank(const TcpOptions& common, int ranks,
                   const std::function<void(const TcpOptions&)>& run) {
  std::vector<std::exception_ptr> errors(ranks);
  std::vector<std::thread> threads;
  for (int r = 0; r < ranks; ++r)
    threads.emplace_back([&, r] {
      TcpOptions mine = common;
      mine.rank = r;
      mine.ranks = ranks;
      try {
        run(mine);
      } catch (...) {
        errors[r] = std::current_exception();
      }
    });
  for (std::thread& thread : threads) thread.join();
  for (const auto& error : errors)
    if (error) std::rethrow_exception(error);
}

std::vector<std::unique_ptr<Transport>> make_tcp_group(int ranks, TcpOptions common) {
  if (common.rendezvous.empty()) common.rendezvous = free_rendezvous();
  if (common.rendezvous.ends_with(":0"))
    common.rendezvous.replace(common.rendezvous.size() - 1, 1, std::to_string(free_port()));
  std::vector<std::unique_ptr<Transport>> group(ranks);
  on_every_rank(common, ranks,
                [&](const TcpOptions& mine) { group[mine.rank] = make_tcp_transport(mine); });
  return group;
}

Certificates::Certificates() {
  std::string pattern = (std::filesystem::temp_directory_path() / "laconic-tls-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
  directory_ = pattern;
  const std::string script = R"(
set -e; cd ')" + directory_ + R"('
ca() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
         -subj "/CN=$1" -keyout $1.key -out $1.pem; }
signed() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" \
             -keyout $1.key -out $1.csr
           openssl x509 -req -in $1.csr -CA $2.pem -CAkey $2.key -CAcreateserial -days $3 \
             -out $1.pem; }
{ ca ca; ca other_ca; signed rank ca 30; signed stranger other_ca 30; signed expired ca -1; } \
  > log 2>&1
)";
  if (std::system(script.c_str()) != 0) throw std::runtime_error("openssl failed: " + directory_);
}

Certificates::~Certificates() {
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

TcpTls Certificates::good() const {
  return {directory_ + "/ca.pem", directory_ + "/rank.pem", directory_ + "/rank.key"};
}
TcpTls Certificates::of_another_ca() const {
  return {directory_ + "/ca.pem", directory_ + "/stranger.pem", directory_ + "/stranger.key"};
}
TcpTls Certificates::expired() const {
  return {directory_ + "/ca.pem", directory_ + "/expired.pem", directory_ + "/expired.key"};
}

}  // namespace laconic::test
