// A peer's byte stream, cut anywhere, against receives that are posted at any time. The input is a
// script, two bytes a step (Receiver::act), and what the peer says, with filler where the script
// wants it: a message of several segments is longer than a fuzzer's inputs.
#include <algorithm>
#include <deque>

#include "base/errors.h"
#include "collectives/transports/tcp/inbox.h"
#include "tests/fuzz/fuzzer.h"

namespace laconic::fuzz {
namespace {

constexpr std::size_t kLimit = 3000;  // bytes kept ahead of their receives
constexpr std::uint8_t kFiller = 253;
constexpr std::uint8_t kReadsNothing = 64;  // after the act, if this bit is set

class Receiver final : private tcp::Inbox::Sink {
 public:
  explicit Receiver(bool open) : inbox_(kLimit) {
    if (open) inbox_.open(1);
  }

  /// Posts a small or a large receive, hears filler, drops everything, or none of it.
  void act(std::uint8_t what, std::uint8_t how) {
    static const std::vector<std::byte> filler(256 << 10, std::byte{'x'});
    if (what % 4 == 0) {
      auto& into = buffers_.emplace_back(std::size_t{how} * (what % 8 == 0 ? 8 : 2048));
      inbox_.post(buffers_.size() - 1, what / 4 % 3, into, *this);
    } else if (what == kFiller) {
      Bytes said = Bytes(filler).first(std::size_t{how} << 10);
      while (!said.empty() && read(said, said.size())) {
      }
    } else if (what == 255) {
      inbox_.drop();
    }
  }

  /// Reads some of `said`, as much as `most` and the inbox allow; false if that is nothing.
  bool read(Bytes& said, std::size_t most) {
    const tcp::Inbox::Room room = inbox_.room();
    const Bytes now = said.first(std::min({said.size(), most, room.size()}));
    const std::size_t head = std::min(now.size(), room.first.size());
    std::ranges::copy(now.first(head), room.first.begin());
    std::ranges::copy(now.subspan(head), room.second.begin());
    said = said.subspan(now.size());
    inbox_.filled(now.size(), *this);
    return !now.empty();
  }

 private:
  void received(std::uint64_t ticket, std::size_t bytes) override {
    require(ticket < buffers_.size(), "a ticket that was posted");
    require(bytes <= buffers_[ticket].size(), "no more bytes than were asked for");
  }
  void control(tcp::FrameType, Bytes payload) override {
    require(payload.size() <= tcp::kSegmentBytes, "a control frame within the limit");
  }

  tcp::Inbox inbox_;
  std::deque<std::vector<std::byte>> buffers_;
};

void put_frame(Input& input, tcp::FrameType type, std::uint16_t channel, std::size_t length) {
  put(input, Bytes(tcp::encode_header({type, Purpose::frame, channel, length})));
  input.resize(input.size() + length, std::byte{'x'});
}

}  // namespace

void run(Bytes input) {
  const auto setting = take<std::uint8_t>(input);
  const std::size_t script = std::min<std::size_t>(input.size(), setting / 2 % 64 * 2);
  Bytes acts = input.first(script), said = input.subspan(script);
  Receiver receiver(setting % 2 == 1);
  try {
    while (!acts.empty()) {
      const auto what = take<std::uint8_t>(acts), how = take<std::uint8_t>(acts);
      receiver.act(what, how);
      if ((what & kReadsNothing) == 0) receiver.read(said, how);
    }
    while (!said.empty() && receiver.read(said, said.size())) {
    }
  } catch (const WireError&) {
  } catch (const TransportError&) {
  }
}

std::vector<Input> seeds() {
  std::vector<Input> all;
  for (const std::uint8_t setting : {2 * 4 + 1, 2 * 12 + 1, 0}) {
    Input& input = all.emplace_back();
    put<std::uint8_t>(input, setting);
    for (int i = 0; i < setting / 2 * 2; ++i) put<std::uint8_t>(input, i % 3 == 0 ? 0 : 100);
    if (setting == 0) {
      put_frame(input, tcp::FrameType::hello, 0, 60);
      continue;
    }
    put_frame(input, tcp::FrameType::data, 0, 500);
    put_frame(input, tcp::FrameType::heartbeat, 0, 0);
    put_frame(input, tcp::FrameType::data, 1, 1200);
    put_frame(input, tcp::FrameType::abort, 0, 20);
    put_frame(input, tcp::FrameType::data, 0, 0);
  }
  // One of two segments: its header is read, then it is asked for, then it comes.
  constexpr std::size_t kLong = 260 << 10;
  Input& input = all.emplace_back();
  for (const int byte : {2 * 7 + 1, 1, 16, 4 | kReadsNothing, 130, int{kFiller}, 255, int{kFiller},
                         1, 1, 16, int{kFiller}, 4, 1, 1})
    put(input, static_cast<std::uint8_t>(byte));
  put(input, Bytes(tcp::encode_header({tcp::FrameType::data, Purpose::frame, 1, kLong})));
  put(input, Bytes(tcp::encode_header(
                 {tcp::FrameType::more, Purpose::frame, 1, kLong - tcp::kSegmentBytes})));
  return all;
}

}  // namespace laconic::fuzz
