// What strangers, broken ranks and slow ones do to a group over TCP: turned away, or the group ends
// within its deadline and says whose fault it was.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/base_sink.h>

#include <mutex>
#include <thread>

#include "base/clock.h"
#include "base/errors.h"
#include "base/rng.h"
#include "tests/collectives/tcp/by_hand.h"
#include "tests/collectives/tcp/largest_allocation.h"
#include "tests/collectives/tcp/tcp_group.h"

namespace laconic::test {
namespace {

using tcp::FrameType;
using testing::HasSubstr;

constexpr Tag kData{.channel = 40, .purpose = Purpose::frame};

const Certificates& certificates() {
  static const Certificates made;
  return made;
}

/// Keeps what ranks log.
class Told final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  static std::pair<Log, std::shared_ptr<Told>> make() {
    auto told = std::make_shared<Told>();
    return {std::make_shared<spdlog::logger>("test", told), told};
  }

  /// Waits for it, a few seconds if need be.
  bool says(std::string_view what) {
    for (const Stopwatch watch; watch.seconds() < 5;) {
      if (text().find(what) != std::string::npos) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }
  std::string text() {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  void forget() {
    const std::lock_guard lock(mutex_);
    text_.clear();
  }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    text_.append(message.payload.data(), message.payload.size()).append("\n");
  }
  void flush_() override {}

  std::string text_;
};

/// How one rank ended.
struct End {
  std::string error = "none";
  int peer = -1;
  double seconds = 0;
};

/// Some ranks of a group, each in a thread, from making the transport to the end of `body`.
class Ranks {
 public:
  using Body = std::function<void(Transport&)>;

  void start(TcpOptions options, Body body, Log log = quiet_log()) {
    End& end = *ends_.emplace_back(std::make_unique<End>());
    threads_.emplace_back([&end, options, body, log] {
      const Stopwatch watch;
      try {
        body(*make_tcp_transport(options, log));
      } catch (const TransportError& e) {
        end.error = e.what();
        end.peer = e.peer();
      }
      end.seconds = watch.seconds();
    });
  }
  /// In the order they were started.
  std::vector<End> ends() {
    threads_.clear();
    std::vector<End> all;
    for (const auto& end : ends_) all.push_back(*end);
    return all;
  }

 private:
  std::vector<std::unique_ptr<End>> ends_;
  std::vector<std::jthread> threads_;
};

TcpOptions options_of(int rank, int ranks, std::uint16_t port) {
  TcpOptions options;
  options.rendezvous = "127.0.0.1:" + std::to_string(port);
  options.rank = rank;
  options.ranks = ranks;
  options.deadline_seconds = 10;
  options.heartbeat_seconds = 0.1;
  options.dead_after_seconds = 5;
  return options;
}

/// Each tells each other who it is.
void greet(Transport& t) {
  std::vector<int> theirs(t.size(), -1);
  const int mine = t.rank();
  std::vector<Ticket> tickets;
  for (int r = 0; r < t.size(); ++r) {
    if (r == mine) continue;
    tickets.push_back(t.post_receive(r, kData, std::as_writable_bytes(std::span(&theirs[r], 1))));
    tickets.push_back(t.post_send(r, kData, std::as_bytes(std::span(&mine, 1))));
  }
  for (const Ticket ticket : tickets) t.wait(ticket);
  for (int r = 0; r < t.size(); ++r) EXPECT_TRUE(r == mine || theirs[r] == r);
}

std::vector<std::byte> noise(std::size_t bytes) {
  const RngKey key = make_key(7, kEveryRank, 0, RngPurpose::test);
  std::vector<std::byte> out;
  for (std::uint64_t i = 0; out.size() < bytes; ++i)
    out.push_back(static_cast<std::byte>(philox(key, i)[0]));
  return out;
}

std::vector<std::byte> header(FrameType type, std::uint64_t length, std::uint16_t channel = 0) {
  const auto bytes = tcp::encode_header({.type = type, .channel = channel, .length = length});
  return {bytes.begin(), bytes.end()};
}

std::vector<std::byte> first(std::vector<std::byte> bytes, std::size_t count) {
  bytes.resize(count);
  return bytes;
}

std::vector<std::byte> of_text(std::string_view text) {
  const Bytes bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

// --------------------------------------------------------------------- strangers at the rendezvous

struct Stranger {
  const char* name;
  std::vector<std::byte> says;
  const char* told;  // in the log
};

std::vector<Stranger> strangers() {
  auto version = frame_of(hello_of(1, 3));
  version[tcp::kHeaderBytes] = std::byte{99};
  constexpr std::size_t kHostLength = tcp::kHeaderBytes + 20;
  auto long_host = frame_of(hello_of(1, 3)), unprintable = long_host;
  long_host[kHostLength + 1] = std::byte{0xff};
  unprintable[kHostLength + 2] = std::byte{7};
  auto other_job = hello_of(1, 3);
  other_job.job = "yesterday";
  const auto hello = frame_of(hello_of(1, 3));
  return {
      {"noise", noise(5000), "no frame of Laconic"},
      {"browser", of_text("GET / HTTP/1.1\r\nHost: node1\r\n\r\n"), "no frame of Laconic"},
      {"absurd_hello", header(FrameType::hello, std::uint64_t{1} << 60), "a length of"},
      {"long_hello", header(FrameType::hello, 2049), "a length of 2049 bytes"},
      {"absurd_message", header(FrameType::data, std::uint64_t{1} << 39), "before the handshake"},
      {"table", header(FrameType::table, 0), "out of place"},
      {"welcome", header(FrameType::welcome, 0), "out of place"},
      {"leave", header(FrameType::leave, 0), "out of place"},
      {"unknown_type", header(static_cast<FrameType>(77), 0), "unknown frame type 77"},
      {"abort", frame_of(FrameType::abort, tcp::encode(tcp::Notice{1, "die"})), "out of place"},
      {"empty_hello", header(FrameType::hello, 0), "cut short"},
      {"cut_hello", first(hello, hello.size() - 3), "connection closed"},
      {"cut_header", first(hello, 9), "connection closed"},
      {"nothing", {}, "connection closed"},
      {"version", version, "version 99 of the protocol"},
      {"long_host", long_host, "a text is too long"},
      {"unprintable_host", unprintable, "not printable"},
      {"other_job", frame_of(other_job), "of job 'yesterday'"},
  };
}

/// All of them at rank 0's door, and at rank 1's while it waits for rank 2.
TEST(TcpStrangers, AreTurnedAwayAndTheGroupForms) {
  const auto [log, told] = Told::make();
  Ranks ranks;
  const std::uint16_t port = free_port();
  for (const int r : {0, 1}) ranks.start(options_of(r, 3, port), greet, log);
  for (const Stranger& stranger : strangers()) {
    SCOPED_TRACE(stranger.name);
    told->forget();
    largest_allocation = 0;
    Wire wire(port);
    wire.say(stranger.says);
    wire.shut();
    wire.rest();  // it comes to an end
    EXPECT_LT(largest_allocation, 300000u);
    EXPECT_TRUE(told->says(stranger.told)) << told->text();
  }
  ranks.start(options_of(2, 3, port), greet, log);
  for (const End& end : ranks.ends()) EXPECT_EQ(end.error, "none");
}

TEST(TcpStrangers, AreTurnedAwayByOtherRanksToo) {
  const auto [log, told] = Told::make();
  Ranks ranks;
  const std::uint16_t port = free_port();
  for (const int r : {0, 1})
    ranks.start(
        options_of(r, 3, port),
        [](Transport& t) {
          std::vector<std::byte> got(8);
          EXPECT_EQ(t.wait(t.post_receive(2, kData, got)), 0u);
        },
        log);
  Wire root(port);
  root.say(frame_of(hello_of(2, 3)));
  const tcp::Table table = tcp::decode_table(root.hear(FrameType::table));
  auto all = strangers();
  all.push_back({"of_no_session", frame_of(hello_of(2, 3)), "nobody of this group"});
  all.push_back(
      {"of_a_lower_rank", frame_of(hello_of(0, 3, table.session)), "nobody of this group"});
  all.push_back({"of_no_rank", frame_of(hello_of(7, 3, table.session)), "nobody of this group"});
  for (const Stranger& stranger : all) {
    SCOPED_TRACE(stranger.name);
    told->forget();
    Wire wire(table.seats[1].port);
    wire.say(stranger.says);
    wire.shut();
    wire.rest();
    EXPECT_TRUE(told->says(stranger.told)) << told->text();
  }
  Wire one(table.seats[1].port);
  one.say(frame_of(hello_of(2, 3, table.session)));
  one.hear(FrameType::welcome);
  for (Wire* wire : {&root, &one}) {
    wire->say(tcp::FrameHeader{.type = FrameType::data, .channel = kData.channel});
    wire->say(tcp::FrameHeader{.type = FrameType::leave});
    wire->shut();
  }
  for (const End& end : ranks.ends()) EXPECT_EQ(end.error, "none");
}

TEST(TcpStrangers, ManyThatSayNothingDoNotKeepRanksOut) {
  Ranks ranks;
  const std::uint16_t port = free_port();
  ranks.start(options_of(0, 2, port), greet);
  std::vector<Wire> silent;
  for (int i = 0; i < 300; ++i) silent.emplace_back(port);
  ranks.start(options_of(1, 2, port), greet);
  for (const End& end : ranks.ends()) EXPECT_EQ(end.error, "none");
}

// ------------------------------------------------------------------------------- certificates

/// A hello that would be believed: were one byte of it parsed, two processes would claim rank 1,
/// and the group would end.
TEST(TcpTlsStrangers, HaveNotAByteParsedBeyondTheHandshake) {
  const auto [log, told] = Told::make();
  Ranks ranks;
  const std::uint16_t port = free_port();
  TcpOptions with_tls = options_of(0, 2, port);
  with_tls.tls = certificates().good();
  ranks.start(with_tls, greet, log);
  struct Case {
    const char* name;
    std::optional<WireTls> tls;
    const char* told;
  };
  for (const Case& c :
       {Case{"no TLS", std::nullopt, "TLS: "},
        Case{"no certificate", WireTls{}, "did not return a certificate"},
        Case{"another CA", WireTls{certificates().of_another_ca()},
             "certificate verify failed (unable to get local issuer certificate)"},
        Case{"expired", WireTls{certificates().expired()},
             "certificate verify failed (certificate has expired)"},
        Case{"TLS 1.2", WireTls{certificates().good(), true}, "unsupported protocol"}}) {
    SCOPED_TRACE(c.name);
    Wire stranger(port, c.tls);
    stranger.say(frame_of(hello_of(1, 2)));
    stranger.rest();
    EXPECT_TRUE(told->says(c.told)) << told->text();
  }
  // What a frame's decoder says of such bytes was not said.
  EXPECT_THAT(told->text(), testing::Not(HasSubstr("no frame of Laconic")));
  with_tls.rank = 1;
  ranks.start(with_tls, greet, log);
  for (const End& end : ranks.ends()) EXPECT_EQ(end.error, "none") << told->text();
}

TEST(TcpTlsStrangers, HearNothingWhenARankCallsThem) {
  for (const bool certified : {false, true}) {
    FakeServer server(
        certified ? WireTls{certificates().of_another_ca()} : std::optional<WireTls>(),
        certified ? "" : "220 mail.example ready\r\n");
    Ranks ranks;
    TcpOptions options = options_of(1, 2, server.port());
    options.tls = certificates().good();
    ranks.start(options, greet);
    const auto heard = server.heard();
    const End end = ranks.ends()[0];
    EXPECT_THAT(end.error, HasSubstr("rank 0"));
    EXPECT_THAT(end.error, HasSubstr("TLS: "));
    EXPECT_LT(end.seconds, 5);
    const std::string text(reinterpret_cast<const char*>(heard.data()), heard.size());
    EXPECT_THAT(text, testing::Not(HasSubstr(std::string("Lc\x01\0", 4))));
    EXPECT_TRUE(!certified || text.empty()) << text;
  }
}

/// One rank with the wrong certificate: it is told at once, the others when it is missed.
TEST(TcpTlsStrangers, ARankWithTheWrongCertificateIsToldWhy) {
  Ranks ranks;
  const std::uint16_t port = free_port();
  TcpOptions right = options_of(0, 2, port), wrong = options_of(1, 2, port);
  right.deadline_seconds = 2;
  right.tls = certificates().good();
  wrong.tls = certificates().expired();
  ranks.start(right, greet);
  ranks.start(wrong, greet);
  const auto ends = ranks.ends();
  EXPECT_EQ(ends[0].peer, 1);
  EXPECT_THAT(ends[0].error, HasSubstr("certificate has expired"));
  EXPECT_EQ(ends[1].peer, 0);
  EXPECT_THAT(ends[1].error, HasSubstr("TLS: "));
  EXPECT_LT(ends[1].seconds, 1.5);
}

// -------------------------------------------------------------- ranks that break off or go astray

struct Fault {
  const char* name;
  std::function<void(FakeRank&)> commit;
  const char* told;
  double deadline = 10;
  double dead_after = 5;
};

void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.name; }

/// Says it to all, and then only that it lives, until nobody listens any more.
std::function<void(FakeRank&)> says(std::vector<std::byte> bytes) {
  return [bytes](FakeRank& fake) {
    for (Wire& wire : fake.wires) wire.say(bytes);
    for (bool heard = true; heard;) {
      heard = false;
      for (Wire& wire : fake.wires) heard |= wire.say(tcp::FrameHeader{});
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  };
}

/// Says it to all and ends the stream.
std::function<void(FakeRank&)> ends_after(std::vector<std::byte> bytes) {
  return [bytes](FakeRank& fake) {
    for (Wire& wire : fake.wires) wire.say(bytes), wire.shut();
    for (Wire& wire : fake.wires) wire.rest();
  };
}

std::vector<std::byte> data(std::uint64_t length, std::uint16_t channel = kData.channel) {
  return header(FrameType::data, length, channel);
}

/// The ranks wait for 8 bytes on channel 40.
std::vector<Fault> faults() {
  return {
      {"closes", ends_after({}), "connection closed"},
      {"closes_inside_a_header", ends_after(first(data(8), 11)), "connection closed"},
      {"closes_inside_a_message", ends_after(joined(data(8), noise(5))), "connection closed"},
      {"leaves", ends_after(header(FrameType::leave, 0)), "it has left the group"},
      {"says_only_that_it_leaves", says(header(FrameType::leave, 0)), "within its deadline", 1.5},
      {"resets",
       [](FakeRank& f) {
         for (Wire& wire : f.wires) wire.reset();
         f.wires.clear();
       },
       "Connection reset"},
      {"noise", says(noise(100000)), "no frame of Laconic"},
      {"absurd_length", says(data(std::uint64_t{1} << 62)), "a length of"},
      {"absurd_length_for_a_receive", says(data(std::uint64_t{1} << 40)),
       "bytes for a buffer of 8"},
      {"longer_than_its_receive", says(joined(data(9), noise(9))), "9 bytes for a buffer of 8"},
      {"more_than_is_kept", says(data(std::uint64_t{1} << 39, 41)), "within its deadline", 1.5},
      {"continues_nothing", says(header(FrameType::more, 8, 40)), "continues nothing"},
      {"message_inside_a_message",
       says(joined(joined(data(300000, 41), noise(tcp::kSegmentBytes)), data(8))),
       "inside another"},
      {"hello_again", says(frame_of(hello_of(2, 3))), "out of place"},
      {"table_again", says(header(FrameType::table, 0)), "out of place"},
      {"cut_notice", says(frame_of(FrameType::abort, noise(5))), "cut short"},
      {"strange_notice",
       says(frame_of(FrameType::abort, tcp::encode(tcp::Notice{2,
                                                               "b\a\xff"
                                                               "d"}))),
       "b??d"},
      {"never_answers", says({}), "within its deadline", 1.5},
      {"trickles",
       [](FakeRank& f) {
         const auto slow = joined(data(8), noise(8));
         for (const std::byte& byte : slow) {
           for (Wire& wire : f.wires) wire.say(Bytes(&byte, 1));
           std::this_thread::sleep_for(std::chrono::milliseconds(200));
         }
       },
       "within its deadline", 1.5},
      {"falls_silent",
       [](FakeRank& f) {
         for (Wire& wire : f.wires) wire.rest();
       },
       "not a sign of life for", 20, 1.5},
  };
}

class TcpFaults : public testing::TestWithParam<Fault> {
 protected:
  void run(const std::optional<TcpTls>& tls) {
    const Fault& fault = GetParam();
    Ranks ranks;
    const std::uint16_t port = free_port();
    for (const int r : {0, 1}) {
      TcpOptions options = options_of(r, 3, port);
      options.tls = tls;
      options.deadline_seconds = fault.deadline;
      options.dead_after_seconds = fault.dead_after;
      ranks.start(options, [](Transport& t) {
        std::vector<std::byte> got(8);
        t.wait(t.post_receive(2, kData, got));
      });
    }
    std::optional<WireTls> shown;
    if (tls) shown = WireTls{*tls};
    FakeRank fake(port, 3, shown);
    largest_allocation = 0;
    fault.commit(fake);
    fake.wires.clear();
    for (const End& end : ranks.ends()) {
      EXPECT_THAT(end.error, HasSubstr("rank 2"));
      EXPECT_THAT(end.error, HasSubstr(fault.told));
      EXPECT_LT(end.seconds, 9);
    }
    EXPECT_LT(largest_allocation, 1000000u);
  }
};

TEST_P(TcpFaults, EndTheGroupAndNameTheRank) { run(std::nullopt); }
TEST_P(TcpFaults, EndTheGroupUnderTlsToo) { run(certificates().good()); }

/// A wire that turns bits, or somebody on it who has no key.
TEST(TcpTlsFaults, BytesBeneathTlsEndTheGroup) {
  Ranks ranks;
  const std::uint16_t port = free_port();
  TcpOptions options = options_of(0, 2, port);
  options.tls = certificates().good();
  ranks.start(options, [](Transport& t) { t.wait_any({}); });
  FakeRank fake(port, 2, WireTls{certificates().good()});
  fake.wires[0].say_raw(noise(100));
  const End end = ranks.ends()[0];
  EXPECT_EQ(end.peer, 1);
  EXPECT_THAT(end.error, HasSubstr("TLS: "));
}

/// The kernel wakes a rank only when there is some of a message to copy: what comes meanwhile is
/// a sign of life all the same.
TEST(TcpSlowPeers, AreAliveWhileTheirMessageComesByteByByte) {
  const std::vector<std::byte> message = noise(20000);
  Ranks ranks;
  const std::uint16_t port = free_port();
  TcpOptions options = options_of(0, 2, port);
  options.dead_after_seconds = 0.8;
  std::vector<std::byte> got(message.size());
  ranks.start(options, [&](Transport& t) { t.wait(t.post_receive(1, kData, got)); });
  FakeRank fake(port, 2);
  Wire& wire = fake.wires.front();
  wire.say(data(message.size()));
  const Bytes all = message;
  constexpr std::size_t kSlowly = 25;
  for (std::size_t i = 0; i < kSlowly; ++i) {
    wire.say(all.subspan(i, 1));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  wire.say(all.subspan(kSlowly));
  wire.say(header(FrameType::leave, 0));
  EXPECT_EQ(ranks.ends().front().error, "none");
  EXPECT_EQ(got, message);
}

/// While a rank waits for much of a message it may come to read some of it for another reason, here
/// because it can go on writing: then it waits for less.
TEST(TcpSlowPeers, AreHeardToTheEndOfAMessageThatWasReadInBetween) {
  const std::vector<std::byte> message = noise(20000), ours = noise(tcp::kSegmentBytes);
  constexpr int kMoreThanSocketsHold = 128;
  Ranks ranks;
  const std::uint16_t port = free_port();
  std::vector<std::byte> got(message.size());
  ranks.start(options_of(0, 2, port), [&](Transport& t) {
    std::vector<Ticket> sends;
    for (int i = 0; i < kMoreThanSocketsHold; ++i) sends.push_back(t.post_send(1, kData, ours));
    t.wait(t.post_receive(1, kData, got));
    for (const Ticket ticket : sends) t.wait(ticket);
  });
  FakeRank fake(port, 2);
  Wire& wire = fake.wires.front();
  const Bytes all = message;
  const auto say_and_pause = [&](Bytes bytes) {
    wire.say(bytes);
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  };
  say_and_pause(joined(data(all.size()), all.first(1000)));
  say_and_pause(all.subspan(1000, 10000));
  for (int i = 0; i < kMoreThanSocketsHold; ++i) wire.hear(FrameType::data);
  say_and_pause(all.subspan(11000));
  wire.say(header(FrameType::leave, 0));
  EXPECT_EQ(ranks.ends().front().error, "none");
  EXPECT_EQ(got, message);
}

INSTANTIATE_TEST_SUITE_P(Tcp, TcpFaults, testing::ValuesIn(faults()),
                         [](const auto& fault) { return std::string(fault.param.name); });

}  // namespace
}  // namespace laconic::test
