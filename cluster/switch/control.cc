#include "cluster/switch/control.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace laconic::netlab {
namespace {

constexpr std::size_t kLargestMessage = 128 * 1024;
constexpr std::size_t kMostDescriptors = 253;  // what Linux passes in one message
constexpr int kPending = 64;

struct Address {
  sockaddr_un name{};
  socklen_t length = 0;
};

Address address_of(const std::string& lab) {
  const std::string text = "laconic-netlab/" + std::to_string(geteuid()) + "/" + lab;
  Address address;
  address.name.sun_family = AF_UNIX;
  if (text.size() + 1 > sizeof address.name.sun_path) {
    throw std::invalid_argument("name '" + lab + "': too long");
  }
  std::memcpy(address.name.sun_path + 1, text.data(), text.size());  // the leading 0: abstract
  address.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());
  return address;
}

Descriptor make_socket(int flags) {
  return Descriptor(checked(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0), "socket"));
}

/// The name is free for all to bind and to connect to, so each side looks who the other one is.
bool is_ours(const Descriptor& peer) {
  ucred who{};
  socklen_t length = sizeof who;
  return getsockopt(peer.get(), SOL_SOCKET, SO_PEERCRED, &who, &length) == 0 &&
         who.uid == geteuid();
}

}  // namespace

Descriptor listen_as(const std::string& lab) {
  const Address address = address_of(lab);
  Descriptor listening = make_socket(SOCK_NONBLOCK);
  const auto* name = reinterpret_cast<const sockaddr*>(&address.name);
  if (bind(listening.get(), name, address.length) < 0) {
    if (errno != EADDRINUSE) checked(-1, "bind");
    throw std::runtime_error("a lab named '" + lab + "' is up already");
  }
  checked(listen(listening.get(), kPending), "listen");
  return listening;
}

Descriptor accept_peer(int listening) {
  Descriptor peer(accept4(listening, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  return peer && is_ours(peer) ? std::move(peer) : Descriptor();
}

Descriptor connect_to(const std::string& lab) {
  const Address address = address_of(lab);
  Descriptor socket = make_socket(0);
  const auto* name = reinterpret_cast<const sockaddr*>(&address.name);
  if (connect(socket.get(), name, address.length) < 0) {
    if (errno != ECONNREFUSED) checked(-1, "connect");
    throw NoSuchLab("no lab named '" + lab + "' is up");
  }
  if (!is_ours(socket)) throw std::runtime_error("lab '" + lab + "' is another user's");
  return socket;
}

void send_message(int socket, std::string_view text, std::span<const int> descriptors) {
  iovec part{const_cast<char*>(text.data()), text.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  std::vector<char> control(CMSG_SPACE(descriptors.size_bytes()));
  if (!descriptors.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
  }
  checked(static_cast<int>(sendmsg(socket, &message, MSG_NOSIGNAL)), "sendmsg");
}

Message receive_message(int socket) {
  std::string text(kLargestMessage, '\0');
  std::vector<char> control(CMSG_SPACE(kMostDescriptors * sizeof(int)));
  iovec part{text.data(), text.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const auto length = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  Message received;
  received.end = length <= 0;
  if (received.end) return received;
  received.text.assign(text, 0, static_cast<std::size_t>(length));
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    std::vector<int> passed((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    std::memcpy(passed.data(), CMSG_DATA(header), passed.size() * sizeof(int));
    for (const int fd : passed) received.descriptors.emplace_back(fd);
  }
  return received;
}

Message ask(int socket, std::string_view request) {
  send_message(socket, request, {});
  Message reply = receive_message(socket);
  constexpr std::string_view ok = "ok\n", error = "error ";
  if (reply.end) throw std::runtime_error("the lab hung up");
  if (reply.text.starts_with(error)) throw std::runtime_error(reply.text.substr(error.size()));
  reply.text.erase(0, ok.size());
  return reply;
}

}  // namespace laconic::netlab
