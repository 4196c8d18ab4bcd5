#pragma once

#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/switch/descriptor.h"

/// How a lab is found and spoken to: a sequenced-packet socket in the abstract name space, one
/// request a message, one reply a message. Such a name is no file, and is free again when the
/// process that bound it ends. It is seen from the network namespace in which it was bound.
///
///   request  words, separated by spaces: status, cut h2, set rate=10mbit h1, ...
///   reply    "ok\n" and lines of text, or "error " and what is wrong; descriptors may come with it
///
/// Both sides hang up on a peer that is another user's.
namespace laconic::netlab {

/// Throws std::runtime_error if a lab of that name (of this user) is up already.
Descriptor listen_as(const std::string& lab);
/// The next one who connects, as a socket that does not block; empty if none is there, or it was
/// someone else's.
Descriptor accept_peer(int listening);

struct NoSuchLab : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// Throws NoSuchLab where none is up.
Descriptor connect_to(const std::string& lab);

void send_message(int socket, std::string_view text, std::span<const int> descriptors);

struct Message {
  std::string text;
  std::vector<Descriptor> descriptors;
  bool end = false;  ///< the other side has hung up
};
Message receive_message(int socket);

/// Sends a request, and gives the reply less its "ok\n". Throws std::runtime_error with the lab's
/// own words where it answers with an error, or hangs up.
Message ask(int socket, std::string_view request);

}  // namespace laconic::netlab
