#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

/// What the switch carries: an Ethernet frame behind a virtio-net header, as a TAP device gives it.
///
/// With segmentation offload the kernel hands over a bundle: one header and the payload of many TCP
/// segments. It is carried as one, but charged as what it would be on a wire: every segment with
/// its own headers and check sequence.
namespace laconic::netlab {

/// The header that the TAP devices are told to use (struct virtio_net_hdr, the 10-byte form).
inline constexpr std::size_t kVirtioHeader = 10;
inline constexpr std::size_t kEthernetHeader = 14;

struct Frame {
  static constexpr int kEveryone = -1, kNobody = -2;

  std::vector<std::byte> data;  ///< virtio-net header, then Ethernet without check sequence
  int to = kNobody;  ///< the host whose address it bears; kEveryone for broadcast and multicast
  /// The same for frames of one TCP connection or UDP flow in one direction. Acknowledgements
  /// without data are a flow of their own: a kernel keeps what TCP sends in the socket until
  /// shortly before it leaves (TCP small queues), so that they stand behind little of it, where a
  /// TAP device takes all at once.
  std::uint32_t flow = 0;
  std::uint32_t packets = 1;      ///< on a wire: the segments of a bundle
  std::uint32_t wire_bytes = 0;   ///< of all segments, from destination address to check sequence
  std::uint32_t first_bytes = 0;  ///< of the first segment alone
  std::uint32_t last_bytes = 0;   ///< of the last
  std::uint32_t payload = 0;      ///< bytes that TCP or UDP carries; 0 for anything else
};

/// Reads addresses and offload fields. False where the bytes are too short to be a frame, or their
/// offload fields point outside of them.
bool read_frame(std::span<const std::byte> bytes, Frame& frame);

/// The address of a host's port, 02:6c:61:63:00:00 + host: locally administered, the same in each
/// lab.
std::array<std::uint8_t, 6> mac_of(int host);

}  // namespace laconic::netlab
