#include "tests/collectives/tcp/tcp_group.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <utility>

namespace laconic::test {

std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool ok = ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(fd);
  if (!ok) throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
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
