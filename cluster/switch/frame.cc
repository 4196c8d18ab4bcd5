#include "cluster/switch/frame.h"

#include <algorithm>
#include <cstring>
#include <optional>

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
constexpr std::size_t kTcpHeader = 20;      // the least
constexpr std::size_t kUdpHeader = 8;
constexpr std::byte kTcp{6}, kUdp{17};
constexpr std::byte kAcknowledges{0x10};  // the only flag of a segment that opens or ends nothing

std::uint32_t on_wire(std::size_t bytes) {
  return static_cast<std::uint32_t>(std::max(bytes + kCheckSequence, kSmallestFrame));
}

std::size_t tcp_header(std::span<const std::byte> ethernet, std::size_t tcp) {
  return 4 * (std::to_integer<std::size_t>(ethernet[tcp + 12]) >> 4);
}

constexpr std::array<std::uint8_t, 4> kPrefix{0x02, 0x6c, 0x61, 0x63};

int destination(std::span<const std::byte> ethernet) {
  if ((ethernet[0] & std::byte{1}) != std::byte{0}) return Frame::kEveryone;
  if (std::memcmp(ethernet.data(), kPrefix.data(), kPrefix.size()) != 0) return Frame::kNobody;
  return std::to_integer<int>(ethernet[4]) * 256 + std::to_integer<int>(ethernet[5]);
}

/// Where things lie in an Ethernet frame that holds IP.
struct Layout {
  std::size_t protocol, addresses, addresses_size;
  std::size_t transport, end;  ///< of the packet: a short frame is padded behind it
};

std::size_t number16(std::span<const std::byte> bytes, std::size_t at) {
  return 256 * std::to_integer<std::size_t>(bytes[at]) +
         std::to_integer<std::size_t>(bytes[at + 1]);
}

/// Nothing where it is no IP, or cut short. Extension headers of IPv6 are taken for the transport.
std::optional<Layout> layout_of(std::span<const std::byte> ethernet) {
  const auto packet = ethernet.subspan(kEthernetHeader);
  const std::size_t kind = number16(ethernet, 12), ip = kEthernetHeader;
  Layout layout{};
  if (kind == 0x0800 && packet.size() >= 20) {
    const std::size_t header = 4 * std::to_integer<std::size_t>(packet[0] & std::byte{0x0f});
    layout = {ip + 9, ip + 12, 8, ip + header, ip + number16(packet, 2)};
  } else if (kind == 0x86dd && packet.size() >= 40) {
    layout = {ip + 6, ip + 8, 32, ip + 40, ip + 40 + number16(packet, 4)};
  } else {
    return std::nullopt;
  }
  layout.end = std::min(layout.end, ethernet.size());
  return layout;
}

/// FNV-1a over addresses, protocol and ports. What is no TCP or UDP is one flow a pair of
/// addresses.
std::uint32_t flow_of(std::span<const std::byte> ethernet, const Layout& layout) {
  std::uint32_t hash = 2166136261;
  const auto mix = [&](std::size_t at, std::size_t count) {
    for (const std::byte byte : ethernet.subspan(at, count)) {
      hash = (hash ^ std::to_integer<std::uint32_t>(byte)) * 16777619;
    }
  };
  mix(layout.protocol, 1);
  mix(layout.addresses, layout.addresses_size);
  const std::byte protocol = ethernet[layout.protocol];
  const bool has_ports = protocol == kTcp || protocol == kUdp;
  if (has_ports && ethernet.size() >= layout.transport + 4) mix(layout.transport, 4);
  return hash;
}

/// What TCP or UDP carries in one segment.
std::size_t payload_of(std::span<const std::byte> ethernet, const Layout& layout) {
  const std::byte protocol = ethernet[layout.protocol];
  std::size_t begin = layout.end;
  if (protocol == kUdp) begin = layout.transport + kUdpHeader;
  if (protocol == kTcp && layout.transport + kTcpHeader <= ethernet.size())
    begin = layout.transport + tcp_header(ethernet, layout.transport);
  return layout.end - std::min(begin, layout.end);
}

bool only_acknowledges(std::span<const std::byte> ethernet, const Layout& layout) {
  return ethernet[layout.protocol] == kTcp && layout.transport + kTcpHeader <= ethernet.size() &&
         ethernet[layout.transport + 13] == kAcknowledges && payload_of(ethernet, layout) == 0;
}

}  // namespace

bool read_frame(std::span<const std::byte> bytes, Frame& frame) {
  if (bytes.size() < kVirtioHeader + kEthernetHeader) return false;
  Offload offload{};
  std::memcpy(&offload, bytes.data(), sizeof offload);
  const auto ethernet = bytes.subspan(kVirtioHeader);

  const auto layout = layout_of(ethernet);
  frame.packets = 1;
  frame.wire_bytes = frame.first_bytes = frame.last_bytes = on_wire(ethernet.size());
  frame.payload = layout ? static_cast<std::uint32_t>(payload_of(ethernet, *layout)) : 0;
  if (offload.segmentation != 0) {
    // The checksum begins where TCP does; offload.headers is only a hint, and may count payload.
    const std::size_t tcp = offload.checksum_from;
    if (offload.payload == 0 || tcp + kTcpHeader > ethernet.size()) return false;
    const std::size_t headers = tcp + tcp_header(ethernet, tcp);
    if (headers >= ethernet.size()) return false;
    const std::size_t payload = ethernet.size() - headers, full = offload.payload;
    const std::size_t segments = (payload + full - 1) / full;
    frame.first_bytes = on_wire(headers + std::min(payload, full));
    frame.last_bytes = on_wire(headers + payload - (segments - 1) * full);
    frame.wire_bytes =
        static_cast<std::uint32_t>((segments - 1) * frame.first_bytes + frame.last_bytes);
    frame.packets = static_cast<std::uint32_t>(segments);
    frame.payload = static_cast<std::uint32_t>(payload);
  }
  frame.to = destination(ethernet);
  frame.flow = layout ? flow_of(ethernet, *layout) : 0;
  if (layout && only_acknowledges(ethernet, *layout)) frame.flow = ~frame.flow;
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
