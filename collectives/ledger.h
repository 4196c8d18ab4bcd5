#pragma once

#include <cstdint>
#include <memory>

#include "collectives/transport.h"

namespace laconic {

/// Bytes by what they said. Payload only: what a transport adds to find its way (lengths, tags, TCP
/// and IP headers) is not in it.
struct ByteCount {
  std::uint64_t values = 0;
  std::uint64_t indices = 0;
  std::uint64_t framing = 0;
  std::uint64_t dense = 0;
  std::uint64_t control = 0;

  std::uint64_t total() const { return values + indices + framing + dense + control; }
  ByteCount& operator+=(const ByteCount& other);
};

/// What one rank has sent and received, counted message by message from the frames' own headers.
struct Ledger {
  ByteCount sent, received;
  std::uint64_t messages_sent = 0, messages_received = 0;
};

/// Counts in `ledger` whatever passes through `inner`; both must outlive it.
std::unique_ptr<Transport> count_bytes(Transport& inner, Ledger& ledger);

}  // namespace laconic
