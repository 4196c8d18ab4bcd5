#pragma once

#include <sys/uio.h>

#include <array>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "base/types.h"
#include "collectives/transports/tcp/frame.h"

namespace laconic::tcp {

/// What is to be said to one peer. Messages go in the order posted, borrowed until they are sent;
/// control frames go before them, at the next edge of a segment. Knows nothing of sockets: gather()
/// gives the next bytes, sent() is told how many of them went.
class Outbox {
 public:
  void message(std::uint64_t ticket, Tag tag, Bytes payload);
  void control(FrameType type, std::vector<std::byte> payload);

  bool empty() const { return cut_.empty() && controls_.empty() && messages_.empty(); }

  /// The next bytes, for one writing call; valid until anything else is called.
  std::span<const iovec> gather();

  /// The first `bytes` of the last gather() have gone. Appends the tickets that are done, and the
  /// bytes of their messages.
  struct Sent {
    std::uint64_t ticket;
    std::size_t bytes;
  };
  void sent(std::size_t bytes, std::vector<Sent>& done);

  /// Gives all buffers back, by forgetting what has not been begun and copying the rest of the
  /// segment that has, so that the stream stays whole.
  void cut();

 private:
  static constexpr std::size_t kSegmentsAtOnce = 8;

  struct Entry {
    FrameType type;
    Tag tag;
    Bytes payload;
    std::uint64_t ticket = 0;
    std::vector<std::byte> owned = {};
    std::size_t done = 0;  // bytes of the payload whose segments are sent
  };

  FrameHeader header_at(const Entry& entry, std::size_t offset) const;
  std::deque<Entry>& next();
  void add_segment(const Entry& entry, std::size_t offset);
  void add_piece(Bytes bytes);

  std::deque<Entry> controls_, messages_;
  std::vector<std::byte> cut_;      // the end of a segment, to be sent first
  bool begun_ = false;              // a segment
  bool begun_in_controls_ = false;  // which queue it is the front of
  std::size_t begun_sent_ = 0;      // how much of it is sent, header included

  std::array<HeaderBytes, kSegmentsAtOnce> headers_;
  std::array<iovec, 2 * kSegmentsAtOnce + 1> pieces_;
  std::size_t segments_ = 0, piece_count_ = 0, skip_ = 0;
};

}  // namespace laconic::tcp
