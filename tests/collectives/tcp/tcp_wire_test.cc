// The bytes of the tcp transport without sockets: frames, the handshake, and the cutting of
// messages into segments and back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/errors.h"
#include "base/rng.h"
#include "collectives/transports/tcp/handshake.h"
#include "collectives/transports/tcp/inbox.h"
#include "collectives/transports/tcp/outbox.h"

namespace laconic::tcp {
namespace {

/// Draws from one key, in order.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : key_(make_key(seed, kEveryRank, 0, RngPurpose::test)) {}
  std::uint64_t below(std::uint64_t limit) {
    const auto draw = philox(key_, next_++);
    return (std::uint64_t{draw[0]} << 32 | draw[1]) % limit;
  }
  std::string name() {
    std::string text(below(kMaxName + 1), ' ');
    for (char& c : text) c = static_cast<char>(' ' + below(95));
    return text;
  }
  std::vector<std::byte> bytes(std::size_t count) {
    std::vector<std::byte> out(count);
    for (std::byte& b : out) b = static_cast<std::byte>(below(256));
    return out;
  }

 private:
  RngKey key_;
  std::uint64_t next_ = 0;
};

// --------------------------------------------------------------------------------- frame headers

constexpr FrameType kTypes[] = {FrameType::hello,     FrameType::welcome, FrameType::table,
                                FrameType::heartbeat, FrameType::data,    FrameType::more,
                                FrameType::abort,     FrameType::leave};

TEST(TcpFrame, HeadersComeBackAsTheyWere) {
  Dice dice(1);
  for (const FrameType type : kTypes)
    for (const Purpose purpose : {Purpose::control, Purpose::dense, Purpose::frame})
      for (int i = 0; i < 20; ++i) {
        const bool message = type == FrameType::data || type == FrameType::more;
        const FrameHeader header{type, purpose, static_cast<std::uint16_t>(dice.below(65536)),
                                 message ? dice.below(kMaxMessageBytes + 1) : 0};
        EXPECT_EQ(decode_header(encode_header(header)), header);
        EXPECT_LE(segment_bytes(header), kSegmentBytes);
      }
}

TEST(TcpFrame, StandsStill) {
  const HeaderBytes bytes = encode_header({FrameType::data, Purpose::frame, 0x1234, 0x56789});
  const unsigned char golden[] = {'L', 'c', 5, 2, 0x34, 0x12, 0, 0, 0x89, 0x67, 5, 0, 0, 0, 0, 0};
  EXPECT_TRUE(std::ranges::equal(std::as_bytes(std::span(golden)), bytes));
}

/// Whatever is read writes the same bytes again: nothing in a header goes unlooked at.
TEST(TcpFrame, RefusesWhatItWouldNotWrite) {
  Dice dice(2);
  int refused = 0;
  for (int i = 0; i < 20000; ++i) {
    HeaderBytes bytes = encode_header({FrameType::data, Purpose::frame, 7, 1000});
    for (std::uint64_t flips = 1 + dice.below(3); flips-- > 0;)
      bytes[dice.below(bytes.size())] ^= static_cast<std::byte>(1 << dice.below(8));
    try {
      EXPECT_EQ(encode_header(decode_header(bytes)), bytes);
    } catch (const WireError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 5000);
}

TEST(TcpFrame, RefusesLengthsThatATypeCannotHave) {
  for (const FrameType type : kTypes) {
    HeaderBytes bytes = encode_header({.type = type});
    EXPECT_NO_THROW(decode_header(bytes));
    bytes[14] = std::byte{1};  // 2^48
    EXPECT_THROW(decode_header(bytes), WireError);
  }
}

// ------------------------------------------------------------------------------------- handshake

/// Comes back as it was; cut short anywhere or with a byte too many it is refused.
template <typename T>
void round_trip(const T& value, T (*decode)(Bytes)) {
  std::vector<std::byte> bytes = encode(value);
  EXPECT_EQ(decode(bytes), value);
  for (std::size_t length = 0; length < bytes.size(); length += 1 + length / 50)
    EXPECT_THROW(decode(Bytes(bytes).first(length)), WireError) << length;
  bytes.push_back(std::byte{0});
  EXPECT_THROW(decode(bytes), WireError);
}

TEST(TcpHandshake, ComesBackAsItWas) {
  Dice dice(3);
  for (int i = 0; i < 20; ++i) {
    const auto port = static_cast<std::uint16_t>(dice.below(65536));
    round_trip(Hello{static_cast<std::uint32_t>(dice.below(1u << 31)),
                     static_cast<std::uint32_t>(dice.below(1u << 31)), dice.below(~0ull),
                     dice.name(), dice.name(), dice.name(), port},
               decode_hello);
    Table table{dice.below(~0ull), {}};
    for (std::uint64_t seats = dice.below(20); seats-- > 0;)
      table.seats.push_back({dice.name(), dice.name(), port});
    round_trip(table, decode_table);
    round_trip(Notice{static_cast<std::uint32_t>(i), dice.name()}, decode_notice);
  }
}

TEST(TcpHandshake, ATableOfTheMostRanksFitsItsFrame) {
  // Host names and addresses are at most 64 and 45 characters, a boot's id 36.
  Table table{
      1, std::vector<Seat>(kMaxRanks, {std::string(64 + 1 + 36, 'h'), std::string(45, 'a'), 1})};
  EXPECT_LE(encode(table).size(), kSegmentBytes);
}

TEST(TcpHandshake, AllocatesNoMoreThanItIsGiven) {
  std::vector<std::byte> bytes = encode(Table{1, {}});
  bytes[8] = bytes[9] = bytes[10] = bytes[11] = std::byte{0xff};  // 2^32 - 1 seats
  EXPECT_THROW(decode_table(bytes), WireError);
}

TEST(TcpHandshake, ShowsNoticesSafely) {
  EXPECT_EQ(decode_notice(encode(Notice{3, "a\x1b[2Jb\n"})).cause, "a?[2Jb?");
  EXPECT_EQ(decode_notice(encode(Notice{3, std::string(10000, 'x')})).cause.size(), kMaxCause);
}

// ------------------------------------------------------------------------ messages on the stream

/// Both ends of a stream whose socket takes and gives as many bytes at once as the dice say.
class Stream final : private Inbox::Sink {
 public:
  Stream(std::uint64_t seed, std::size_t limit_bytes) : dice(seed), inbox(limit_bytes) {
    inbox.open(1);
  }

  /// Moves up to `most` bytes; false if none could be moved.
  bool move(std::size_t most) {
    const Inbox::Room room = inbox.room();
    std::size_t left = std::min({most, room.size()}), moved = 0;
    std::vector<std::byte> some;
    for (const iovec& piece : out.gather()) {
      const Bytes bytes(static_cast<const std::byte*>(piece.iov_base), piece.iov_len);
      const Bytes taken = bytes.first(std::min(left, bytes.size()));
      some.insert(some.end(), taken.begin(), taken.end());
      left -= taken.size();
    }
    moved = some.size();
    const std::size_t head = std::min(moved, room.first.size());
    std::copy_n(some.begin(), head, room.first.begin());
    std::copy(some.begin() + static_cast<std::ptrdiff_t>(head), some.end(), room.second.begin());
    out.sent(moved, sent);
    inbox.filled(moved, *this);
    return moved > 0;
  }
  void post(std::uint64_t ticket, std::uint16_t channel, MutBytes into) {
    inbox.post(ticket, channel, into, *this);
  }

  Dice dice;
  Outbox out;
  Inbox inbox;
  std::vector<Outbox::Sent> sent;
  std::map<std::uint64_t, std::size_t> got;
  std::vector<std::pair<FrameType, std::vector<std::byte>>> controls;

 private:
  void received(std::uint64_t ticket, std::size_t bytes) override { got[ticket] = bytes; }
  void control(FrameType type, Bytes payload) override {
    controls.push_back({type, {payload.begin(), payload.end()}});
  }
};

/// Messages of all lengths on three channels, received before, while and after they come, through a
/// socket that cuts the stream anywhere, with room to keep all or hardly any.
TEST(TcpStream, MessagesArriveWholeHoweverTheStreamIsCut) {
  for (const std::size_t limit : {std::size_t{1} << 30, std::size_t{700000}})
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
      Stream s(seed, limit);
      struct Message {
        std::uint16_t channel;
        std::vector<std::byte> bytes, into;
      };
      std::vector<Message> all;
      for (std::uint64_t i = 0; i < 30; ++i) {
        const std::uint64_t lengths[] = {0,
                                         s.dice.below(50),
                                         s.dice.below(5000),
                                         kSegmentBytes,
                                         kSegmentBytes + 1,
                                         s.dice.below(650000)};
        const std::uint64_t bytes = lengths[s.dice.below(6)];
        all.push_back({static_cast<std::uint16_t>(s.dice.below(3)),
                       std::vector<std::byte>(bytes, static_cast<std::byte>(i)),
                       {}});
        for (std::size_t at = 0; at < bytes; at += 997) all[i].bytes[at] = std::byte(at >> 8);
      }
      std::size_t posted = 0, controls = 0;
      for (std::uint64_t i = 0; i < all.size(); ++i)
        s.out.message(i, {all[i].channel, Purpose::frame}, all[i].bytes);
      const std::uint64_t most = 1ull << (6 + 4 * (seed % 4));
      for (bool ends = false; !ends;) {
        if (s.dice.below(40) == 0 && controls < 20)
          s.out.control(FrameType::abort, s.dice.bytes(s.dice.below(100))), ++controls;
        const bool stuck = !s.move(1 + s.dice.below(most));
        if (posted < all.size() && (stuck || s.dice.below(1 + 200000 / most) == 0)) {
          Message& message = all[posted];
          message.into.resize(message.bytes.size() + s.dice.below(3));
          s.post(posted++, message.channel, message.into);
        } else {
          ends = stuck;
        }
      }
      ASSERT_EQ(s.got.size(), all.size()) << seed;
      ASSERT_EQ(s.sent.size(), all.size());
      EXPECT_EQ(s.controls.size(), controls);
      for (std::uint64_t i = 0; i < all.size(); ++i) {
        EXPECT_EQ(s.sent[i].ticket, i);
        EXPECT_EQ(s.got[i], all[i].bytes.size());
        all[i].into.resize(s.got[i]);
        EXPECT_TRUE(all[i].into == all[i].bytes) << i;
      }
    }
}

/// The reason of a failure does not wait for the end of a long message, and the stream stays whole.
TEST(TcpStream, ANoticeOvertakesALongMessageAtTheNextSegment) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Stream s(seed, 1 << 30);
    auto message = s.dice.bytes(3 * kSegmentBytes);
    std::vector<std::byte> into(message.size());
    s.post(0, 5, into);
    s.out.message(0, {5, Purpose::dense}, message);
    for (std::uint64_t left = s.dice.below(2 * kSegmentBytes); left > 0 && s.move(left);)
      left -= std::min<std::uint64_t>(left, kSegmentBytes);
    s.out.cut();
    std::ranges::fill(message, std::byte{0});  // given back
    s.out.control(FrameType::abort, s.dice.bytes(7));
    while (s.move(1 << 20)) {
    }
    EXPECT_EQ(s.controls.size(), 1u);
    EXPECT_TRUE(s.got.empty());
    EXPECT_TRUE(s.out.empty());
  }
}

TEST(TcpStream, StopsReadingWhereNoRoomIsLeftAndGoesOnWhenThereIs) {
  Stream s(1, 1000);
  const auto message = s.dice.bytes(600);
  for (std::uint64_t i = 0; i < 3; ++i) s.out.message(i, {1, Purpose::frame}, message);
  while (s.move(100)) {
  }
  EXPECT_TRUE(s.inbox.paused());
  for (std::uint64_t i = 0; i < 3; ++i) {
    std::vector<std::byte> into(600);
    s.post(i, 1, into);
    while (s.move(100)) {
    }
    EXPECT_EQ(s.got[i], 600u);
    EXPECT_TRUE(into == message);
  }
}

}  // namespace
}  // namespace laconic::tcp
