#include "collectives/ledger.h"

#include <unordered_map>

#include "collectives/forwarding.h"
#include "compressors/frame.h"

namespace laconic {
namespace {

void add(ByteCount& count, Purpose purpose, Bytes message) {
  switch (purpose) {
    case Purpose::control:
      count.control += message.size();
      return;
    case Purpose::dense:
      count.dense += message.size();
      return;
    case Purpose::frame: {
      const Split parts = split(message);
      count.values += parts.values;
      count.indices += parts.indices;
      count.framing += parts.framing;
      return;
    }
  }
}

class Counting final : public Forwarding {
 public:
  Counting(Transport& inner, Ledger& ledger) : Forwarding(inner), ledger_(ledger) {}

  Ticket post_send(int to, Tag tag, Bytes payload) override {
    const Ticket ticket = inner().post_send(to, tag, payload);
    add(ledger_.sent, tag.purpose, payload);
    ++ledger_.messages_sent;
    return ticket;
  }

  Ticket post_receive(int from, Tag tag, MutBytes into) override {
    const Ticket ticket = inner().post_receive(from, tag, into);
    receives_[ticket.id] = {tag.purpose, into};
    return ticket;
  }

  std::optional<std::size_t> poll(Ticket ticket) override {
    const auto bytes = inner().poll(ticket);
    if (bytes) done(ticket, *bytes);
    return bytes;
  }

  std::size_t wait(Ticket ticket) override {
    const std::size_t bytes = inner().wait(ticket);
    done(ticket, bytes);
    return bytes;
  }

 private:
  struct Receive {
    Purpose purpose;
    Bytes into;
  };

  /// How long a message is, and what it says, is known once it is there.
  void done(Ticket ticket, std::size_t bytes) {
    const auto found = receives_.find(ticket.id);
    if (found == receives_.end()) return;  // a send
    add(ledger_.received, found->second.purpose, found->second.into.first(bytes));
    ++ledger_.messages_received;
    receives_.erase(found);
  }

  Ledger& ledger_;
  std::unordered_map<std::uint64_t, Receive> receives_;
};

}  // namespace

ByteCount& ByteCount::operator+=(const ByteCount& other) {
  values += other.values;
  indices += other.indices;
  framing += other.framing;
  dense += other.dense;
  control += other.control;
  return *this;
}

std::unique_ptr<Transport> count_bytes(Transport& inner, Ledger& ledger) {
  return std::make_unique<Counting>(inner, ledger);
}

}  // namespace laconic
