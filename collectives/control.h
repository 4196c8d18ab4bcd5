#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

#include "base/types.h"
#include "collectives/transport.h"

/// Small agreements between the ranks of a group: who is ready, what was decided, whose hash
/// differs. All through rank 0, which moves O(ranks) messages: simple, and right for a few bytes
/// now and then; vectors go through allreduces and exchanges. Every rank makes the same calls on a
/// channel in the same order. Bytes count as control. A peer that fails or is late: TransportError.
namespace laconic {

/// Returns when every rank has called it. Rank 0 receives and sends ranks - 1 empty messages.
void barrier(Transport& transport, std::uint16_t channel);

/// Rank 0's bytes, on every rank; what the others pass is ignored. Rank 0 sends 2 (ranks - 1)
/// messages: a length of 8 bytes, then the bytes.
std::vector<std::byte> broadcast(Transport& transport, Bytes from_rank_0, std::uint16_t channel);

/// Every rank's bytes, in rank order, on every rank; lengths may differ. Each rank sends 2
/// messages to rank 0, which broadcasts all of them with a length of 8 bytes each.
std::vector<std::vector<std::byte>> allgather(Transport& transport, Bytes mine,
                                              std::uint16_t channel);

/// The same for values of one type, as they stand in memory.
template <typename T>
std::vector<T> allgather_values(Transport& transport, const T& mine, std::uint16_t channel) {
  static_assert(std::is_trivially_copyable_v<T>);
  std::vector<T> values;
  for (const auto& bytes : allgather(transport, std::as_bytes(std::span(&mine, 1)), channel))
    std::memcpy(&values.emplace_back(), bytes.data(), sizeof(T));
  return values;
}

}  // namespace laconic
