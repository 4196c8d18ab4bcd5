#include "cluster/switch/frame.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace laconic::netlab {
namespace {

constexpr std::uint8_t kTcp4 = 1;  // what the virtio header says of a bundle of TCP over IPv4
constexpr std::size_t kIp = 20, kTcpWithTimes = 32;

/// A virtio-net header, then Ethernet, IPv4 and TCP from host `from` to host `to`.
std::vector<std::byte> tcp_packet(int from, int to, std::size_t payload,
                                  std::uint8_t segmentation = 0, std::uint16_t full = 0,
                                  std::uint16_t port = 4000) {
  std::vector<std::uint8_t> bytes(kVirtioHeader + kEthernetHeader + kIp + kTcpWithTimes + payload);
  const auto put16 = [&](std::size_t at, std::size_t value, bool network_order) {
    bytes[at + (network_order ? 0 : 1)] = static_cast<std::uint8_t>(value >> 8);
    bytes[at + (network_order ? 1 : 0)] = static_cast<std::uint8_t>(value & 255);
  };
  bytes[1] = segmentation;
  put16(2, 200, false);  // a hint that counts payload too, as the kernel's may
  put16(4, full, false);
  put16(6, kEthernetHeader + kIp, false);
  const std::size_t ethernet = kVirtioHeader, ip = ethernet + kEthernetHeader, tcp = ip + kIp;
  const auto destination = mac_of(to), source = mac_of(from);
  std::copy(destination.begin(), destination.end(), bytes.begin() + ethernet);
  std::copy(source.begin(), source.end(), bytes.begin() + ethernet + 6);
  put16(ethernet + 12, 0x0800, true);
  bytes[ip] = 0x45;
  put16(ip + 2, kIp + kTcpWithTimes + payload, true);
  bytes[ip + 9] = 6;
  bytes[ip + 15] = static_cast<std::uint8_t>(from + 1);
  bytes[ip + 19] = static_cast<std::uint8_t>(to + 1);
  put16(tcp, port, true);
  bytes[tcp + 12] = kTcpWithTimes / 4 << 4;
  std::vector<std::byte> result(bytes.size());
  std::transform(bytes.begin(), bytes.end(), result.begin(), [](auto b) { return std::byte{b}; });
  return result;
}

Frame read(const std::vector<std::byte>& bytes) {
  Frame frame;
  EXPECT_TRUE(read_frame(bytes, frame));
  return frame;
}

TEST(Frame, AFullSegmentTakes1518BytesOnTheWire) {
  const Frame frame = read(tcp_packet(0, 3, 1448));
  EXPECT_EQ(frame.to, 3);
  EXPECT_EQ(frame.wire_bytes, 1518u);
  EXPECT_EQ(frame.first_bytes, 1518u);
  EXPECT_EQ(frame.last_bytes, 1518u);
}

TEST(Frame, AnAcknowledgementTakes70AndAShortFrameIsPadded) {
  EXPECT_EQ(read(tcp_packet(0, 1, 0)).wire_bytes, 70u);
  auto bytes = tcp_packet(0, 1, 0);
  bytes.resize(kVirtioHeader + 42);  // as long as ARP
  EXPECT_EQ(read(bytes).wire_bytes, 64u);
}

/// So that it does not stand behind the bulk that goes its way.
TEST(Frame, AnAcknowledgementWithoutDataIsAFlowOfItsOwn) {
  constexpr std::size_t kFlags = kVirtioHeader + kEthernetHeader + kIp + 13;
  constexpr std::byte kAck{0x10}, kAckFin{0x11};
  const auto flow_with = [&](std::size_t payload, std::byte flags, int from = 0, int to = 1) {
    auto bytes = tcp_packet(from, to, payload);
    bytes[kFlags] = flags;
    return read(bytes).flow;
  };
  EXPECT_NE(flow_with(0, kAck), flow_with(1448, kAck));
  EXPECT_EQ(flow_with(0, kAckFin), flow_with(1448, kAck)) << "the end overtakes nothing";
  EXPECT_NE(flow_with(0, kAck), flow_with(0, kAck, 1, 0));
}

TEST(Frame, ABundleIsChargedForEachSegmentsHeaders) {
  const Frame frame = read(tcp_packet(0, 1, 3 * 1448 + 100, kTcp4, 1448));
  EXPECT_EQ(frame.wire_bytes, 3u * 1518 + 170);
  EXPECT_EQ(frame.first_bytes, 1518u);
  EXPECT_EQ(frame.last_bytes, 170u);
}

TEST(Frame, ABundleOfWholeSegmentsHasAFullLastOne) {
  const Frame frame = read(tcp_packet(0, 1, 2 * 1448, kTcp4, 1448));
  EXPECT_EQ(frame.wire_bytes, 2u * 1518);
  EXPECT_EQ(frame.last_bytes, 1518u);
}

TEST(Frame, PayloadIsWhatIsBehindTcpsHeader) {
  EXPECT_EQ(read(tcp_packet(0, 1, 1448)).payload, 1448u);
  EXPECT_EQ(read(tcp_packet(0, 1, 0)).payload, 0u);
  const Frame bundle = read(tcp_packet(0, 1, 3 * 1448 + 100, kTcp4, 1448));
  EXPECT_EQ(bundle.payload, 3u * 1448 + 100);
  EXPECT_EQ(bundle.packets, 4u);
  auto padded = tcp_packet(0, 1, 2);
  padded.resize(padded.size() + 10);
  EXPECT_EQ(read(padded).payload, 2u);
  auto datagram = tcp_packet(0, 1, 100);
  datagram[kVirtioHeader + kEthernetHeader + 9] = std::byte{17};
  EXPECT_EQ(read(datagram).payload, kTcpWithTimes + 100 - 8);
  datagram[kVirtioHeader + kEthernetHeader + 9] = std::byte{1};
  EXPECT_EQ(read(datagram).payload, 0u) << "neither TCP nor UDP";
}

TEST(Frame, ConnectionsAreFlowsAndDirectionsAreToo) {
  const auto flow = [](int from, int to, std::uint16_t port) {
    return read(tcp_packet(from, to, 10, 0, 0, port)).flow;
  };
  EXPECT_EQ(flow(0, 1, 4000), flow(0, 1, 4000));
  EXPECT_NE(flow(0, 1, 4000), flow(0, 1, 4001));
  EXPECT_NE(flow(0, 1, 4000), flow(1, 0, 4000));
}

TEST(Frame, GroupAddressesAreForEveryoneAndStrangersForNobody) {
  auto bytes = tcp_packet(0, 1, 10);
  bytes[kVirtioHeader] = std::byte{0x33};
  EXPECT_EQ(read(bytes).to, Frame::kEveryone);
  bytes[kVirtioHeader] = std::byte{0x52};
  EXPECT_EQ(read(bytes).to, Frame::kNobody);
}

TEST(Frame, NonsenseIsRefusedAtEveryLength) {
  Frame frame;
  const auto bundle = tcp_packet(0, 1, 3000, kTcp4, 1448);
  const std::size_t headers = kVirtioHeader + kEthernetHeader + kIp + kTcpWithTimes;
  for (std::size_t length = 0; length <= headers; ++length) {
    EXPECT_FALSE(read_frame({bundle.data(), length}, frame)) << length;
  }
  EXPECT_FALSE(read_frame(tcp_packet(0, 1, 3000, kTcp4, 0), frame)) << "segments of no bytes";
  auto outside = bundle;
  outside[6] = outside[7] = std::byte{0xff};
  EXPECT_FALSE(read_frame(outside, frame)) << "a checksum beyond the end";
  const auto plain = tcp_packet(0, 1, 0);
  for (std::size_t length = kVirtioHeader + kEthernetHeader; length < plain.size(); ++length) {
    EXPECT_TRUE(read_frame({plain.data(), length}, frame)) << "cut short, but a frame";
  }
}

}  // namespace
}  // namespace laconic::netlab
