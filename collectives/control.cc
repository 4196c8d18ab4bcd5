#include "collectives/control.h"

#include <cstring>

#include "base/check.h"

namespace laconic {
namespace {

Tag control_tag(std::uint16_t channel) { return {channel, Purpose::control}; }

void wait_all(Transport& transport, const std::vector<Ticket>& tickets) {
  for (const Ticket ticket : tickets) transport.wait(ticket);
}

/// The same bytes to every other rank, at once.
void send_to_others(Transport& transport, Bytes payload, std::uint16_t channel) {
  std::vector<Ticket> sends;
  for (int r = 0; r < transport.size(); ++r)
    if (r != transport.rank())
      sends.push_back(transport.post_send(r, control_tag(channel), payload));
  wait_all(transport, sends);
}

/// One buffer for each rank, all filled at once; this rank's own is left alone.
void receive_from_others(Transport& transport, std::vector<std::vector<std::byte>>& into,
                         std::uint16_t channel) {
  std::vector<Ticket> receives;
  for (int r = 0; r < transport.size(); ++r)
    if (r != transport.rank())
      receives.push_back(transport.post_receive(r, control_tag(channel), into[r]));
  wait_all(transport, receives);
}

void send(Transport& transport, int to, Bytes payload, std::uint16_t channel) {
  transport.wait(transport.post_send(to, control_tag(channel), payload));
}

void receive(Transport& transport, int from, MutBytes into, std::uint16_t channel) {
  const std::size_t bytes =
      transport.wait(transport.post_receive(from, control_tag(channel), into));
  check(bytes == into.size(), "ranks call the same control collectives in the same order");
}

std::uint64_t length_in(Bytes field) {
  std::uint64_t length;
  check(field.size() == sizeof length, "a length of 8 bytes");
  std::memcpy(&length, field.data(), sizeof length);
  return length;
}

Bytes as_bytes(const std::uint64_t& length) { return std::as_bytes(std::span(&length, 1)); }

/// Rank 0's side of allgather: lengths first, then the bytes.
std::vector<std::vector<std::byte>> gather_at_rank_0(Transport& transport, Bytes mine,
                                                     std::uint16_t channel) {
  std::vector<std::vector<std::byte>> lengths(transport.size()), all(transport.size());
  for (auto& field : lengths) field.resize(sizeof(std::uint64_t));
  receive_from_others(transport, lengths, channel);
  for (int r = 1; r < transport.size(); ++r) all[r].resize(length_in(lengths[r]));
  receive_from_others(transport, all, channel);
  all[0].assign(mine.begin(), mine.end());
  return all;
}

std::vector<std::byte> joined(const std::vector<std::vector<std::byte>>& parts) {
  std::vector<std::byte> out;
  for (const auto& part : parts) {
    const std::uint64_t length = part.size();
    out.insert(out.end(), as_bytes(length).begin(), as_bytes(length).end());
    out.insert(out.end(), part.begin(), part.end());
  }
  return out;
}

std::vector<std::vector<std::byte>> parted(Bytes joined) {
  std::vector<std::vector<std::byte>> parts;
  while (!joined.empty()) {
    const std::uint64_t length = length_in(joined.first(sizeof(std::uint64_t)));
    joined = joined.subspan(sizeof length);
    parts.emplace_back(joined.begin(), joined.begin() + static_cast<std::ptrdiff_t>(length));
    joined = joined.subspan(length);
  }
  return parts;
}

}  // namespace

void barrier(Transport& transport, std::uint16_t channel) {
  if (transport.rank() == 0) {
    std::vector<std::vector<std::byte>> nothing(transport.size());
    receive_from_others(transport, nothing, channel);
    send_to_others(transport, {}, channel);
  } else {
    send(transport, 0, {}, channel);
    receive(transport, 0, {}, channel);
  }
}

std::vector<std::byte> broadcast(Transport& transport, Bytes from_rank_0, std::uint16_t channel) {
  if (transport.rank() == 0) {
    const std::uint64_t length = from_rank_0.size();
    send_to_others(transport, as_bytes(length), channel);
    send_to_others(transport, from_rank_0, channel);
    return {from_rank_0.begin(), from_rank_0.end()};
  }
  std::uint64_t length = 0;
  receive(transport, 0, std::as_writable_bytes(std::span(&length, 1)), channel);
  std::vector<std::byte> bytes(length);
  receive(transport, 0, bytes, channel);
  return bytes;
}

std::vector<std::vector<std::byte>> allgather(Transport& transport, Bytes mine,
                                              std::uint16_t channel) {
  if (transport.rank() == 0) {
    auto all = gather_at_rank_0(transport, mine, channel);
    broadcast(transport, joined(all), channel);
    return all;
  }
  const std::uint64_t length = mine.size();
  send(transport, 0, as_bytes(length), channel);
  send(transport, 0, mine, channel);
  return parted(broadcast(transport, {}, channel));
}

}  // namespace laconic
