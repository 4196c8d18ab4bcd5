#include "collectives/transports/tcp/frame.h"

#include <algorithm>
#include <string>

#include "base/errors.h"

namespace laconic::tcp {
namespace {

constexpr std::byte kMagic[2] = {std::byte{'L'}, std::byte{'c'}};

template <typename T>
void put(std::byte* at, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) at[i] = static_cast<std::byte>(value >> (8 * i));
}

template <typename T>
T get(const std::byte* at) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    value = static_cast<T>(value | std::to_integer<T>(at[i]) << (8 * i));
  return value;
}

std::uint64_t longest(FrameType type) {
  switch (type) {
    case FrameType::welcome:
    case FrameType::heartbeat:
    case FrameType::leave:
      return 0;
    case FrameType::hello:
    case FrameType::abort:
      return 2048;
    case FrameType::table:
      return kSegmentBytes;
    case FrameType::data:
    case FrameType::more:
      return kMaxMessageBytes;
  }
  throw WireError(2, "unknown frame type " + std::to_string(static_cast<int>(type)));
}

}  // namespace

std::size_t segment_bytes(const FrameHeader& header) {
  return static_cast<std::size_t>(std::min<std::uint64_t>(header.length, kSegmentBytes));
}

HeaderBytes encode_header(const FrameHeader& header) {
  HeaderBytes bytes{kMagic[0], kMagic[1]};
  put(&bytes[2], static_cast<std::uint8_t>(header.type));
  put(&bytes[3], static_cast<std::uint8_t>(header.purpose));
  put(&bytes[4], header.channel);
  put(&bytes[8], header.length);
  return bytes;
}

FrameHeader decode_header(std::span<const std::byte, kHeaderBytes> bytes) {
  if (!std::equal(std::begin(kMagic), std::end(kMagic), bytes.begin()))
    throw WireError(0, "no frame of Laconic's tcp transport");
  const FrameHeader header{static_cast<FrameType>(bytes[2]), static_cast<Purpose>(bytes[3]),
                           get<std::uint16_t>(&bytes[4]), get<std::uint64_t>(&bytes[8])};
  const std::uint64_t limit = longest(header.type);
  if (header.purpose > Purpose::frame) throw WireError(3, "unknown purpose");
  if (get<std::uint16_t>(&bytes[6]) != 0) throw WireError(6, "reserved bytes are not zero");
  if (header.length > limit)
    throw WireError(8, "a length of " + std::to_string(header.length) + " bytes, at most " +
                           std::to_string(limit) + " make sense");
  return header;
}

}  // namespace laconic::tcp
