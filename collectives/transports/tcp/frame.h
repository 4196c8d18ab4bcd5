#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/types.h"
#include "collectives/transport.h"

/// What a TCP connection carries: frames, each a header of 16 bytes and a payload. Integers are
/// little endian.
///
///   frame   = "Lc" type:u8 purpose:u8 channel:u16 0:u16 length:u64 payload
///   stream  = hello [welcome [table]] { message | control }      (as the dialling side sees it)
///   message = data-frame { { control } more-frame }
///   control = heartbeat | abort | leave
///
/// A message longer than kSegmentBytes is cut: its first frame's length is that of the whole, each
/// `more` frame's that of what is still to come, and a frame's payload on the wire is the lesser of
/// its length and kSegmentBytes. Between two of them there is room for an abort, so that the reason
/// of a failure does not have to wait for the end of a long message on a slow link.
namespace laconic::tcp {

inline constexpr std::size_t kHeaderBytes = 16;
inline constexpr std::size_t kSegmentBytes = std::size_t{256} << 10;
inline constexpr std::uint64_t kMaxMessageBytes = std::uint64_t{1} << 40;

enum class FrameType : std::uint8_t {
  hello = 1,      ///< Who is dialling: Hello.
  welcome = 2,    ///< He may stay. Empty.
  table = 3,      ///< Rank 0 to all: Table.
  heartbeat = 4,  ///< Empty.
  data = 5,       ///< A message's begin.
  more = 6,       ///< The same message, further on.
  abort = 7,      ///< The group is dead: Notice.
  leave = 8,      ///< Nothing more will come, and all is well. Empty.
};

struct FrameHeader {
  FrameType type = FrameType::heartbeat;
  Purpose purpose = Purpose::control;
  std::uint16_t channel = 0;
  std::uint64_t length = 0;

  friend bool operator==(const FrameHeader&, const FrameHeader&) = default;
};

/// The payload bytes that follow this header on the wire.
std::size_t segment_bytes(const FrameHeader& header);

using HeaderBytes = std::array<std::byte, kHeaderBytes>;

HeaderBytes encode_header(const FrameHeader& header);

/// Throws WireError for what is no header, or has a length that its type cannot have.
FrameHeader decode_header(std::span<const std::byte, kHeaderBytes> bytes);

}  // namespace laconic::tcp
