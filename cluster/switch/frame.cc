#include "cluster/switch/frame.h"

#include <algorithm>
#include <cstring>

namespace laconic::netlab {
namespace {

/// The header that virtio 1.2 calls virtio_net_hdr, in the machine's byte order.
/// (linux/virtio_net.h has it too, but is no C++.)
struct Offload {
  std::uint8_t flags, segmentation;  // segmentation 0: one segment
  std::uint16_t headers, payload;    // payload: of a full segment
  std::uint16_t checksum_from, checksum_at;
};
static_assert(sizeof(Offload) == kVirtioHeader);

constexpr std::size_t kCheckSequence = 4;
constexpr std::size_t kSmallestFrame = 64;  // shorter ones are padded on the wire
constexpr std::size_t kTcpHeader = 20;

std::uint32_t on_wire(std::size_t bytes) {
  return static_cast<std::uint32_t>(std::max(bytes + kCheckSequence, kSmallestFrame));
}

constexpr std::array<std::uint8_t, 4> kPrefix{0x02, 0x6c, 0x61, 0x63};

int destination(std::span<const std::byte> ethernet) {
  if ((ethernet[0] & std::byte{1}) != std::byte{0}) return Frame::kEveryone;
  if (std::memcmp(ethernet.data(), kPrefix.data(), kPrefix.size()) != 0) return Frame::kNobody;
  return std::to_integer<int>(ethernet[4]) * 256 + std::to_integer<int>(ethernet[5]);
}

}  // namespace

bool read_frame(std::span<const std::byte> bytes, Frame& frame) {
  if (bytes.size() < kVirtioHeader + kEthernetHeader) return false;
  Offload offload{};
  std::memcpy(&offload, bytes.data(), sizeof offload);
  const auto ethernet = bytes.subspan(kVirtioHeader);

  frame.wire_bytes = frame.first_bytes = frame.last_bytes = on_wire(ethernet.size());
  if (offload.segmentation != 0) {
    // The checksum begins where TCP does; offload.headers is only a hint, and may count payload.
    const std::size_t tcp = offload.checksum_from;
    if (offload.payload == 0 || tcp + kTcpHeader > ethernet.size()) return false;
    const std::size_t headers = tcp + 4 * (std::to_integer<std::size_t>(ethernet[tcp + 12]) >> 4);
    if (headers >= ethernet.size()) return false;
    const std::size_t payload = ethernet.size() - headers, full = offload.payload;
    const std::size_t segments = (payload + full - 1) / full;
    frame.first_bytes = on_wire(headers + std::min(payload, full));
    frame.last_bytes = on_wire(headers + payload - (segments - 1) * full);
    frame.wire_bytes =
        static_cast<std::uint32_t>((segments - 1) * frame.first_bytes + frame.last_bytes);
  }
  frame.to = destination(ethernet);
  frame.data.assign(bytes.begin(), bytes.end());
  return true;
}

std::array<std::uint8_t, 6> mac_of(int host) {
  return {kPrefix[0],
          kPrefix[1],
          kPrefix[2],
          kPrefix[3],
          static_cast<std::uint8_t>(host / 256),
          static_cast<std::uint8_t>(host % 256)};
}

}  // namespace laconic::netlab
