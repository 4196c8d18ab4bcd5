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

/// FNV-1a over addresses, protocol and ports. What is no TCP or UDP is one flow a pair of
/// addresses.
std::uint32_t flow_of(std::span<const std::byte> ethernet) {
  constexpr std::byte kTcp{6}, kUdp{17};
  const auto packet = ethernet.subspan(kEthernetHeader);
  const bool v4 = ethernet[12] == std::byte{0x08} && ethernet[13] == std::byte{0x00};
  const bool v6 = ethernet[12] == std::byte{0x86} && ethernet[13] == std::byte{0xdd};
  std::size_t protocol_at = 9, addresses_at = 12, addresses = 8, ports_at = 0;
  if (v4 && packet.size() >= 20) {
    ports_at = 4 * std::to_integer<std::size_t>(packet[0] & std::byte{0x0f});
  } else if (v6 && packet.size() >= 40) {
    protocol_at = 6, addresses_at = 8, addresses = 32, ports_at = 40;
  } else {
    return 0;
  }
  std::uint32_t hash = 2166136261;
  const auto mix = [&](std::size_t at, std::size_t count) {
    for (const std::byte byte : packet.subspan(at, count)) {
      hash = (hash ^ std::to_integer<std::uint32_t>(byte)) * 16777619;
    }
  };
  mix(protocol_at, 1);
  mix(addresses_at, addresses);
  const std::byte protocol = packet[protocol_at];
  if ((protocol == kTcp || protocol == kUdp) && packet.size() >= ports_at + 4) mix(ports_at, 4);
  return hash;
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
  frame.flow = flow_of(ethernet);
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
