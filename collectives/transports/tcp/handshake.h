#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/types.h"

/// What ranks tell each other before and besides messages: payloads of hello, table and abort
/// frames. Integers are little endian, a text is its length as u16 and its bytes. Decoders take
/// bytes from anybody: they throw WireError for what is cut short, too long or not printable, and
/// allocate no more than a small multiple of what they were given.
namespace laconic::tcp {

inline constexpr std::uint16_t kProtocolVersion = 1;
inline constexpr std::uint32_t kMaxRanks = 1024;  ///< So that a table fits its frame.
inline constexpr std::size_t kMaxName = 255;      ///< Bytes of a host, an address, a job.
inline constexpr std::size_t kMaxCause = 1500;    ///< Bytes of a notice's text.

/// How the rank that dials says who it is.
///   hello = version:u16 rank:u32 ranks:u32 session:u64 job:text host:text address:text port:u16
struct Hello {
  std::uint32_t rank = 0;
  std::uint32_t ranks = 0;
  std::uint64_t session = 0;  ///< 0 to rank 0; to others the table's, which a stranger lacks.
  std::string job;
  std::string host;     ///< Ranks with equal ones share a machine.
  std::string address;  ///< Where this rank listens, and on which port.
  std::uint16_t port = 0;

  friend bool operator==(const Hello&, const Hello&) = default;
};

struct Seat {
  std::string host, address;
  std::uint16_t port = 0;

  friend bool operator==(const Seat&, const Seat&) = default;
};

/// Where everybody is, in rank order; rank 0's seat has no address, nobody dials it again.
///   table = session:u64 ranks:u32 { host:text address:text port:u16 }
struct Table {
  std::uint64_t session = 0;
  std::vector<Seat> seats;

  friend bool operator==(const Table&, const Table&) = default;
};

/// Why the group is dead, in the words of the rank that saw it first.
///   notice = origin:u32 cause:text
struct Notice {
  std::uint32_t origin = 0;
  std::string cause;

  friend bool operator==(const Notice&, const Notice&) = default;
};

/// Texts that are longer than they may be are cut off.
std::vector<std::byte> encode(const Hello& hello);
std::vector<std::byte> encode(const Table& table);
std::vector<std::byte> encode(const Notice& notice);

Hello decode_hello(Bytes payload);
Table decode_table(Bytes payload);
/// The text is shown to people: what is not printable in it is replaced, not refused.
Notice decode_notice(Bytes payload);

}  // namespace laconic::tcp
