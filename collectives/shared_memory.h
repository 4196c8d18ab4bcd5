#pragma once

#include <cstdint>
#include <optional>

#include "base/types.h"

namespace laconic {

/// What ranks of one machine can reach of each other's memory without messages. Who may read or
/// write what and when they tell each other by messages; what a rank has written is seen by those
/// that hear of it from then on.
class SharedMemory {
 public:
  virtual ~SharedMemory() = default;

  /// Where something is, in words that the other ranks of the machine understand; so many bytes on
  /// is that place + so many.
  using Place = std::uint64_t;

  /// Zeros that the others can reach, for as long as the transport lives. Every rank of the machine
  /// calls it, in the same order, each for as many bytes as it wants.
  virtual MutBytes allocate(std::size_t bytes) = 0;

  /// Nothing where the others cannot reach it.
  virtual std::optional<Place> place_of(Bytes mine) const = 0;

  /// What `peer` said is there. It stays there until give_back(), even if the group dies: then the
  /// peer's next call waits for that before it throws. Throws TransportError if the group is dead.
  virtual MutBytes borrow(int peer, Place place, std::size_t bytes) = 0;
  virtual void give_back(int peer) noexcept = 0;
};

}  // namespace laconic
