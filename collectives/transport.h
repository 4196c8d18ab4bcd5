#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/errors.h"
#include "base/types.h"
#include "collectives/shared_memory.h"

namespace laconic {

/// What a message carries, for the ledger. A frame's bytes are split further by its own header.
enum class Purpose : std::uint8_t { control, dense, frame };

/// Messages between two ranks on one channel arrive in the order sent; channels are independent.
struct Tag {
  std::uint16_t channel = 0;
  Purpose purpose = Purpose::control;
};

/// Channels in use, so that no two parts of the house share one by accident.
namespace channels {
inline constexpr std::uint16_t control = 0;     ///< src/train: agreement, barriers, hashes.
inline constexpr std::uint16_t collective = 1;  ///< Allreduces called on their own.
inline constexpr std::uint16_t links = 2;       ///< measure_links.
inline constexpr std::uint16_t credits = 3;     ///< measure_links: of its streams.
inline constexpr std::uint16_t exchange = 16;   ///< Exchanges: this and the 1,023 after it.
}  // namespace channels

/// A posted operation. Ids are never used twice by one Transport.
struct Ticket {
  std::uint64_t id = 0;
  friend bool operator==(const Ticket&, const Ticket&) = default;
};

/// One rank's view of a group of ranks. Used by one thread at a time, but for wake() and abort().
///
/// A send may complete only when it is received: post receives before waiting on sends and rely on
/// no buffering. Every wait ends: by completion, by TransportError naming the peer when it failed
/// or the deadline passed, or because somebody called abort(). After an error the group is dead;
/// all borrowed buffers have been given back (in_process, tcp) or the job ends (mpi).
class Transport {
 public:
  virtual ~Transport() = default;

  virtual std::string_view name() const = 0;
  virtual int rank() const = 0;
  virtual int size() const = 0;

  /// Ranks with the same number share a machine. Numbered from 0 by lowest rank.
  virtual int host_of(int rank) const = 0;

  /// `payload` is borrowed until the ticket is done. Empty messages are messages.
  virtual Ticket post_send(int to, Tag tag, Bytes payload) = 0;

  /// `into` is borrowed until the ticket is done. A shorter message is fine, a longer one a
  /// TransportError.
  virtual Ticket post_receive(int from, Tag tag, MutBytes into) = 0;

  /// Makes progress; bytes moved if the ticket is done, which then is forgotten.
  virtual std::optional<std::size_t> poll(Ticket ticket) = 0;

  /// Sleeps until the ticket is done; bytes moved.
  virtual std::size_t wait(Ticket ticket) = 0;

  /// Sleeps until one of `tickets` is done and returns it, without forgetting it (poll or wait do),
  /// or until wake() is called: then id 0. With no tickets it waits for wake() alone.
  virtual Ticket wait_any(std::span<const Ticket> tickets) = 0;

  /// From any thread: ends a wait_any, the next one if none is under way.
  virtual void wake() noexcept = 0;

  /// The library's own sum over the group in place, where there is one; else false and nothing
  /// done.
  virtual bool native_allreduce(MutFloats vector);

  /// That of the ranks of this machine; null where they reach nothing of each other's (tcp).
  virtual SharedMemory* shared_memory() { return nullptr; }

  /// From any thread: every wait in the group throws, on every rank, with `why`. Where the job ends
  /// with it (mpi), `status` is what it ends with.
  virtual void abort(std::string_view why, ExitStatus status) noexcept = 0;
};

}  // namespace laconic
