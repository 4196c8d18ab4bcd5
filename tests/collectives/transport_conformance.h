#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>

#include "base/clock.h"
#include "base/errors.h"
#include "base/rng.h"
#include "tests/collectives/ranks.h"

/// What every transport must do. A transport's test instantiates TransportConformance with the
/// kinds of group it makes, and TransportFailure too where a group can fail and the process live
/// on. Everything works for any number of ranks, and with one rank is empty.
namespace laconic::test {

/// Bytes that tell by their value where they stand and in which message.
inline std::vector<std::byte> pattern(std::size_t bytes, std::uint64_t seed) {
  std::vector<std::byte> out(bytes);
  for (std::size_t i = 0; i < bytes; i += sizeof(std::uint64_t)) {
    const std::uint64_t word = (seed * 0x9e3779b97f4a7c15 + i) * 0xbf58476d1ce4e5b9;
    std::memcpy(&out[i], &word, std::min(sizeof word, bytes - i));
  }
  return out;
}

inline constexpr Tag kData{.channel = 40, .purpose = Purpose::frame};
inline constexpr Tag kGo{.channel = 41, .purpose = Purpose::control};

inline void send_empty(Transport& t, int to, Tag tag) { t.wait(t.post_send(to, tag, {})); }
inline void receive_empty(Transport& t, int from, Tag tag) {
  t.wait(t.post_receive(from, tag, {}));
}

class TransportConformance : public testing::TestWithParam<GroupKind> {
 protected:
  void on_every_size(const RankBody& body) {
    for (const int ranks : GetParam().sizes) {
      SCOPED_TRACE(std::to_string(ranks) + " ranks");
      GetParam().run(ranks, body);
    }
  }
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(TransportConformance);

TEST_P(TransportConformance, RanksAndHostsAreNumberedFromZero) {
  for (const int ranks : GetParam().sizes) {
    std::vector<std::atomic<int>> seen(ranks);
    GetParam().run(ranks, [&](Transport& t) {
      EXPECT_EQ(t.size(), ranks);
      ASSERT_GE(t.rank(), 0);
      ASSERT_LT(t.rank(), ranks);
      EXPECT_EQ(++seen[t.rank()], 1);
      EXPECT_FALSE(t.name().empty());
      int hosts = 0;
      for (int r = 0; r < ranks; ++r) {
        EXPECT_LE(t.host_of(r), hosts);
        hosts = std::max(hosts, t.host_of(r) + 1);
      }
    });
  }
}

TEST_P(TransportConformance, CarriesEveryLengthRound) {
  on_every_size([](Transport& t) {
    if (t.size() == 1) return;
    const int right = (t.rank() + 1) % t.size(), left = (t.rank() + t.size() - 1) % t.size();
    for (const std::size_t bytes : {0, 1, 3, 8, 1000, 16384, 16385, 65536, (1 << 20) + 3}) {
      const auto mine = pattern(bytes, t.rank());
      std::vector<std::byte> theirs(bytes + 5, std::byte{0xee});
      const Ticket receive = t.post_receive(left, kData, theirs);
      const Ticket send = t.post_send(right, kData, mine);
      EXPECT_EQ(t.wait(receive), bytes);
      EXPECT_EQ(t.wait(send), bytes);
      auto expected = pattern(bytes, left);
      expected.resize(bytes + 5, std::byte{0xee});  // a shorter message touches no more than it is
      EXPECT_TRUE(theirs == expected) << bytes;
    }
  });
}

TEST_P(TransportConformance, KeepsOrderOnAChannel) {
  on_every_size([](Transport& t) {
    constexpr int kMessages = 40;
    const auto length = [](int i) { return std::size_t(i % 3 == 0 ? 20000 : 10) + i; };
    if (t.rank() == 0) {
      std::vector<std::vector<std::byte>> sent;
      std::vector<Ticket> tickets;
      for (int i = 0; i < kMessages; ++i) sent.push_back(pattern(length(i), i));
      for (int to = 1; to < t.size(); ++to)
        for (const auto& message : sent) tickets.push_back(t.post_send(to, kData, message));
      for (const Ticket ticket : tickets) t.wait(ticket);
      return;
    }
    std::vector<std::vector<std::byte>> got(kMessages);
    std::vector<Ticket> tickets;
    for (int i = 0; i < kMessages; ++i) {
      got[i].resize(30000);
      tickets.push_back(t.post_receive(0, kData, got[i]));
    }
    for (int i = kMessages; i-- > 0;) {  // waited for in any order, matched in the order posted
      got[i].resize(t.wait(tickets[i]));
      EXPECT_TRUE(got[i] == pattern(length(i), i)) << i;
    }
  });
}

TEST_P(TransportConformance, ChannelsAreIndependent) {
  on_every_size([](Transport& t) {
    constexpr int kChannels = 8;
    const auto tag = [](int c) { return Tag{static_cast<std::uint16_t>(100 + c), Purpose::dense}; };
    if (t.rank() == 0) {
      std::vector<std::vector<std::byte>> sent;
      std::vector<Ticket> tickets;
      for (int c = 0; c < kChannels; ++c) sent.push_back(pattern(30000 + c, c));
      for (int to = 1; to < t.size(); ++to)
        for (int c = 0; c < kChannels; ++c) tickets.push_back(t.post_send(to, tag(c), sent[c]));
      for (const Ticket ticket : tickets) t.wait(ticket);
      return;
    }
    for (int c = kChannels; c-- > 0;) {  // against the order they were sent in
      std::vector<std::byte> got(30000 + c);
      EXPECT_EQ(t.wait(t.post_receive(0, tag(c), got)), got.size());
      EXPECT_TRUE(got == pattern(30000 + c, c));
    }
  });
}

TEST_P(TransportConformance, EveryoneTalksToEveryoneAtOnce) {
  on_every_size([](Transport& t) {
    constexpr std::size_t kBytes = 300001;
    const auto mine = pattern(kBytes, t.rank());
    std::vector<std::vector<std::byte>> theirs(t.size(), std::vector<std::byte>(kBytes));
    std::vector<Ticket> receives(t.size()), sends(t.size());
    for (int round = 0; round < 3; ++round) {
      const auto post = [&](bool posts_sends) {
        for (int r = 0; r < t.size(); ++r) {
          if (r == t.rank()) continue;
          if (posts_sends)
            sends[r] = t.post_send(r, kData, mine);
          else
            receives[r] = t.post_receive(r, kData, theirs[r]);
        }
      };
      const bool sends_first = (t.rank() + round) % 2 == 0;
      post(sends_first), post(!sends_first);
      for (int r = 0; r < t.size(); ++r) {
        if (r == t.rank()) continue;
        EXPECT_EQ(t.wait(receives[r]), kBytes);
        EXPECT_TRUE(theirs[r] == pattern(kBytes, r));
        t.wait(sends[r]);
      }
    }
  });
}

TEST_P(TransportConformance, PollTellsWhenItIsDone) {
  on_every_size([](Transport& t) {
    if (t.rank() == 1) {
      receive_empty(t, 0, kGo);
      t.wait(t.post_send(0, kData, pattern(5, 1)));
    } else if (t.rank() == 0 && t.size() > 1) {
      std::vector<std::byte> got(9);
      const Ticket receive = t.post_receive(1, kData, got);
      for (int i = 0; i < 100; ++i) EXPECT_FALSE(t.poll(receive));
      send_empty(t, 1, kGo);
      std::optional<std::size_t> bytes;
      for (const Stopwatch watch; !bytes && watch.seconds() < 10;) {
        bytes = t.poll(receive);
        std::this_thread::yield();
      }
      EXPECT_EQ(bytes, 5u);
      EXPECT_THROW(t.poll(receive), std::logic_error);  // forgotten
    }
  });
}

TEST_P(TransportConformance, WaitAnyFindsTheOneThatIsDone) {
  on_every_size([](Transport& t) {
    if (t.rank() != 0) {
      receive_empty(t, 0, kGo);
      t.wait(t.post_send(0, kData, pattern(t.rank(), t.rank())));
      return;
    }
    std::vector<std::vector<std::byte>> got(t.size(), std::vector<std::byte>(100));
    std::vector<Ticket> waiting;
    for (int r = 1; r < t.size(); ++r) waiting.push_back(t.post_receive(r, kData, got[r]));
    for (int r = t.size() - 1; r > 0; --r) {  // only r has been told to send
      send_empty(t, r, kGo);
      const Ticket done = t.wait_any(waiting);
      EXPECT_EQ(done, waiting[r - 1]);
      EXPECT_EQ(t.wait_any(waiting), done);  // not forgotten yet
      EXPECT_EQ(t.wait(done), std::size_t(r));
      waiting.pop_back();
    }
  });
}

TEST_P(TransportConformance, WakeEndsOneWaitAny) {
  on_every_size([](Transport& t) {
    t.wake();  // none is under way: the next one ends
    EXPECT_EQ(t.wait_any({}), Ticket{});
    std::vector<std::byte> got(1);
    std::vector<Ticket> receive;
    if (t.size() > 1) receive = {t.post_receive((t.rank() + 1) % t.size(), kData, got)};
    std::thread other([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(30));
      t.wake();
    });
    EXPECT_EQ(t.wait_any(receive), Ticket{});
    other.join();
    if (t.size() > 1) {
      const int right = (t.rank() + 1) % t.size(), left = (t.rank() + t.size() - 1) % t.size();
      const Ticket go = t.post_send(right, kGo, {});
      receive_empty(t, left, kGo);  // it has been woken: what it waits for may come now
      const auto mine = pattern(1, t.rank());
      const Ticket send = t.post_send(left, kData, mine);
      EXPECT_EQ(t.wait_any(receive), receive[0]);
      for (const Ticket ticket : {receive[0], send, go}) t.wait(ticket);
    }
  });
}

/// Traffic that every rank knows from a key: who sends what to whom on which channel, and when.
TEST_P(TransportConformance, RandomTrafficArrivesWhole) {
  on_every_size([](Transport& t) {
    const RngKey key = make_key(1, kEveryRank, 0, RngPurpose::test);
    struct Posted {
      Ticket ticket;
      std::vector<std::byte> buffer;
      std::uint64_t seed;
      bool receive;
    };
    std::vector<Posted> open;
    const auto finish = [&](std::size_t i) {
      const std::size_t bytes = t.wait(open[i].ticket);
      if (open[i].receive) {
        open[i].buffer.resize(bytes);
        EXPECT_TRUE(open[i].buffer == pattern(bytes, open[i].seed));
      }
      open.erase(open.begin() + static_cast<std::ptrdiff_t>(i));
    };
    for (std::uint64_t i = 0; t.size() > 1 && i < 600; ++i) {
      const auto draw = philox(key, i);
      const int from = static_cast<int>(draw[0] % t.size());
      const int to = static_cast<int>((from + 1 + draw[1] % (t.size() - 1)) % t.size());
      const Tag tag{static_cast<std::uint16_t>(200 + draw[2] % 3), Purpose::frame};
      const std::size_t bytes = draw[3] % 5 == 0 ? draw[3] % 50000 : draw[3] % 50;
      if (t.rank() == from) {
        open.push_back({{}, pattern(bytes, i), i, false});
        open.back().ticket = t.post_send(to, tag, open.back().buffer);
      } else if (t.rank() == to) {
        open.push_back({{}, std::vector<std::byte>(50000), i, true});
        open.back().ticket = t.post_receive(from, tag, open.back().buffer);
      }
      if (open.size() > 60) finish(0);  // the oldest: no cycle of waits can form
    }
    while (!open.empty()) finish(0);
  });
}

/// Groups that die. Each body catches for itself; a rank that does not throw fails the test.
class TransportFailure : public testing::TestWithParam<GroupKind> {
 protected:
  static std::string error_of(const std::function<void()>& waiting) {
    try {
      waiting();
    } catch (const TransportError& e) {
      return e.what();
    }
    return "no TransportError";
  }
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(TransportFailure);

TEST_P(TransportFailure, AbortEndsEveryWaitWithTheCause) {
  const Stopwatch watch;
  GetParam().run(5, [&](Transport& t) {
    std::vector<std::byte> got(100);
    std::string error;
    if (t.rank() == 0) error = error_of([&] { t.wait(t.post_receive(1, kData, got)); });
    if (t.rank() == 1) error = error_of([&] { t.wait_any({}); });
    if (t.rank() == 2) {
      const std::vector<Ticket> some{t.post_receive(3, kData, got)};
      error = error_of([&] { t.wait_any(some); });
    }
    if (t.rank() == 3) {
      const std::vector<std::byte> large(100 << 20);  // nobody takes it, nor has room for it
      error = error_of([&] { t.wait(t.post_send(0, kData, large)); });
    }
    if (t.rank() == 4) {
      std::thread other([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        t.abort("the loss is not finite", ExitStatus::other);
      });
      error = error_of([&] { t.wait(t.post_receive(0, kData, got)); });
      other.join();
    }
    EXPECT_THAT(error, testing::HasSubstr("the loss is not finite"));
    EXPECT_THAT(error, testing::HasSubstr("rank 4"));
    EXPECT_THROW(t.wait(t.post_receive((t.rank() + 1) % 5, kData, got)), TransportError);
  });
  EXPECT_LT(watch.seconds(), 5);
}

TEST_P(TransportFailure, DeadlineNamesThePeerAndEndsTheGroup) {
  const Stopwatch watch;
  GetParam().run_with_deadline(3, 2, [](Transport& t) {
    std::vector<std::byte> got(1);
    if (t.rank() == 0) {
      try {
        t.wait(t.post_receive(2, kData, got));
        ADD_FAILURE() << "rank 2 sends nothing";
      } catch (const TransportError& e) {
        EXPECT_EQ(e.peer(), 2);
      }
    } else {
      const std::string error = error_of([&] { t.wait_any({}); });
      EXPECT_THAT(error, testing::HasSubstr("rank 2"));
    }
  });
  EXPECT_LT(watch.seconds(), 5);
}

TEST_P(TransportFailure, EveryWaitHasADeadline) {
  const std::vector<std::byte> large(100 << 20);  // nobody takes it, nor has room for it
  const std::vector<std::function<void(Transport&, MutBytes)>> waits{
      [&](Transport& t, MutBytes got) { t.wait(t.post_receive(1, kData, got)); },
      [&](Transport& t, MutBytes) { t.wait(t.post_send(1, kData, large)); },
      [&](Transport& t, MutBytes got) {
        const std::vector<Ticket> some{t.post_receive(1, kData, got), t.post_send(1, kData, large)};
        t.wait_any(some);
      }};
  const auto deadline_passes = [&](const auto& wait) {
    std::vector<std::byte> got(1);
    const Stopwatch watch;
    GetParam().run_with_deadline(2, 2, [&](Transport& t) {
      const std::string error =
          error_of([&] { t.rank() == 0 ? wait(t, got) : void(t.wait_any({})); });
      EXPECT_THAT(error, testing::HasSubstr("rank "));
      if (t.rank() == 0) {
        EXPECT_THAT(error, testing::HasSubstr("rank 1"));
        EXPECT_THAT(error, testing::HasSubstr("within its deadline"));
      }
    });
    EXPECT_LT(watch.seconds(), 12);
  };
  std::vector<std::thread> groups;  // side by side: what takes long is the waiting
  for (const auto& wait : waits) groups.emplace_back([&] { deadline_passes(wait); });
  for (std::thread& group : groups) group.join();
}

TEST_P(TransportFailure, WaitingForARankThatHasLeftEndsAtOnce) {
  auto group = GetParam().make(2);
  std::vector<std::byte> got(1);
  const Ticket receive = group[0]->post_receive(1, kData, got);
  std::thread leaver([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    group[1].reset();
  });
  const Stopwatch watch;
  const std::string error = error_of([&] { group[0]->wait(receive); });
  EXPECT_THAT(error, testing::HasSubstr("rank 1"));
  EXPECT_THAT(error, testing::HasSubstr("it has left the group"));
  EXPECT_LT(watch.seconds(), 5);
  leaver.join();
}

TEST_P(TransportFailure, WhatWasReceivedBeforeARankLeftIsWhole) {
  auto group = GetParam().make(2);
  std::vector<std::byte> got(1 << 20);
  const Ticket receive = group[0]->post_receive(1, kData, got);
  const auto sent = pattern(1 << 20, 1);
  group[1]->wait(group[1]->post_send(0, kData, sent));
  group[1].reset();
  EXPECT_EQ(group[0]->wait(receive), sent.size());
  EXPECT_TRUE(got == sent);
}

TEST_P(TransportFailure, AMessageTooLongForItsBufferIsAnError) {
  for (const bool receive_first : {true, false})
    for (const std::size_t bytes : {9, 100000})
      GetParam().run(2, [&](Transport& t) {
        std::vector<std::byte> buffer(bytes);
        const std::string error = error_of([&] {
          if (t.rank() == 0 && receive_first) receive_empty(t, 1, kGo);
          if (t.rank() == 1 && !receive_first) receive_empty(t, 0, kGo);
          if (t.rank() == 0) {
            const Ticket send = t.post_send(1, kData, buffer);
            if (!receive_first) send_empty(t, 1, kGo);
            t.wait(send);
          } else {
            const Ticket receive = t.post_receive(0, kData, MutBytes(buffer).first(8));
            if (receive_first) send_empty(t, 0, kGo);
            t.wait(receive);
          }
          t.wait_any({});  // a send may have been done before: its rank learns it here
        });
        EXPECT_THAT(error, testing::HasSubstr("receive"));
      });
}

TEST_P(TransportFailure, BuffersAreGivenBackBeforeTheErrorFlies) {
  for (int round = 0; round < 20; ++round)
    GetParam().run(4, [&](Transport& t) {
      constexpr std::size_t kBytes = 1 << 20;
      std::vector<std::vector<std::byte>> in(4, std::vector<std::byte>(kBytes));
      std::vector<std::byte> out(kBytes);
      const std::string error = error_of([&] {
        for (int i = 0;; ++i) {
          std::vector<Ticket> tickets;
          for (int r = 0; r < 4; ++r)
            if (r != t.rank()) tickets.push_back(t.post_receive(r, kData, in[r]));
          for (int r = 0; r < 4; ++r)
            if (r != t.rank()) tickets.push_back(t.post_send(r, kData, out));
          if (t.rank() == 0 && i == 2) t.abort("enough", ExitStatus::other);
          for (const Ticket ticket : tickets) t.wait(ticket);
        }
      });
      EXPECT_THAT(error, testing::HasSubstr("enough"));
      // Nobody else touches them now: the sanitizers would see it.
      for (auto& buffer : in) std::fill(buffer.begin(), buffer.end(), std::byte{7});
      std::fill(out.begin(), out.end(), std::byte{8});
      in.clear(), in.shrink_to_fit();
    });
}

TEST_P(TransportFailure, ARankThatThrowsTakesTheOthersWithIt) {
  const Stopwatch watch;
  for (const int thrower : {0, 2}) try {
      GetParam().run(4, [&](Transport& t) {
        if (t.rank() == thrower) throw NumericError("the loss is not finite");
        std::vector<std::byte> got(8);
        t.wait(t.post_receive(thrower, kData, got));
      });
      ADD_FAILURE() << "nothing thrown";
    } catch (const NumericError&) {
    }
  EXPECT_LT(watch.seconds(), 5);
}

}  // namespace laconic::test
