#include "collectives/exchange/flight.h"

#include <algorithm>

#include "base/check.h"
#include "base/clock.h"

namespace laconic {

void Flight::launch(std::size_t index, Slice bucket) {
  index_ = index, bucket_ = bucket;
  for (auto& receives : receives_) receives.clear();
}

void Flight::send(int to, Tag tag, Bytes message) {
  sends_.push_back({transport_.post_send(to, tag, message), now()});
}

void Flight::receive(int from, Tag tag, MutBytes into, std::size_t stage) {
  receives_[stage].push_back({from, into, transport_.post_receive(from, tag, into)});
}

Bytes Flight::received(int from, std::size_t stage) const {
  const auto& receives = receives_[stage];
  const auto found = std::find_if(receives.begin(), receives.end(),
                                  [&](const Receive& r) { return r.from == from; });
  check(found != receives.end() && found->done, "a message that was waited for");
  return Bytes(found->into).first(found->bytes);
}

/// Asks for all of them: one that is there but not taken would end every wait at once.
bool Flight::may_run(std::size_t stage) {
  bool all = true;
  for (Receive& receive : receives_[stage]) {
    if (receive.done) continue;
    const auto bytes = transport_.poll(receive.ticket);
    receive.done = bytes.has_value(), receive.bytes = bytes.value_or(0);
    all &= receive.done;
  }
  return all;
}

bool Flight::has_landed() {
  std::erase_if(sends_, [&](const Send& send) {
    if (!transport_.poll(send.ticket).has_value()) return false;
    timeline_.add({Activity::send, index_, send.posted, now()});
    return true;
  });
  return sends_.empty();
}

void Flight::add_receives(std::size_t stage, std::vector<Ticket>& tickets) const {
  for (const Receive& receive : receives_[stage])
    if (!receive.done) tickets.push_back(receive.ticket);
}

void Flight::add_sends(std::vector<Ticket>& tickets) const {
  for (const Send& send : sends_) tickets.push_back(send.ticket);
}

}  // namespace laconic
