#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <queue>
#include <vector>

/// The links of hosts on one switch, without hosts or switch: only when a message would be there.
namespace laconic {

/// A message on its way.
struct Journey {
  using Clock = std::chrono::steady_clock;
  using Moment = Clock::time_point;

  int to = 0;
  std::uint64_t number = 0;  ///< In the order sent.
  Clock::duration carried;   ///< How long an interface is at it.
  Moment leaves;             ///< Its last byte, the sender's interface.
  Moment enters;             ///< Its first byte, the receiver's interface.
  /// Its last byte is there. Only known once EmulatedLinks::settle() has said so.
  Moment arrives = Moment::max();

  /// When it arrives, at the earliest.
  Moment earliest() const { return arrives != Moment::max() ? arrives : enters + carried; }
};

/// Every rank has an interface that carries, each way, one whole message after the other at a rate;
/// between any two there is a latency. So what a rank sends to many shares its rate, and so does
/// what many send to one. For one thread at a time.
class EmulatedLinks {
 public:
  /// A rate of 0 is infinite.
  EmulatedLinks(int ranks, double latency_seconds, double bytes_per_second);

  /// From call to call, `now` never goes back.
  std::shared_ptr<const Journey> send(int from, int to, std::size_t bytes, Journey::Moment now);

  /// Says when messages to `to` arrive, of those that have entered its interface by `now`: nothing
  /// that is sent later can come before them.
  void settle(int to, Journey::Moment now);

 private:
  struct EntersLater {
    bool operator()(const std::shared_ptr<Journey>& a, const std::shared_ptr<Journey>& b) const;
  };
  struct Interface {
    Journey::Moment out_free, in_free;
    std::priority_queue<std::shared_ptr<Journey>, std::vector<std::shared_ptr<Journey>>,
                        EntersLater>
        coming;
  };

  Journey::Clock::duration latency_;
  double seconds_per_byte_;
  std::vector<Interface> interfaces_;
  std::uint64_t sent_ = 0;
};

}  // namespace laconic
