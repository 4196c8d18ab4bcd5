#include "launcher/bench/starting_gun.h"

#include <sys/prctl.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <thread>

#include "base/check.h"
#include "base/clock.h"
#include "collectives/control.h"

namespace laconic::bench {
namespace {

constexpr std::uint16_t kChannel = channels::links;
constexpr int kComparisons = 4;
constexpr double kLeastMargin = 0.5e-3;
constexpr double kWakeBefore = 20e-6;  // a sleep may end so much too late
constexpr double kInTime = 0.02;       // of what was timed: so late is not late
constexpr int kAttempts = 5;           // on a machine too busy to be in time, the least late counts

/// To within microseconds, where the system allows.
void sleep(double seconds) {
  prctl(PR_SET_TIMERSLACK, 1UL);
  if (seconds > 0) std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

}  // namespace

StartingGun::StartingGun(Transport& transport, double latency_seconds)
    : transport_(transport), margin_(kLeastMargin + 3 * latency_seconds) {
  compare_clocks();
  one([] {});
}

double StartingGun::clock() const { return now() + offset_; }

/// Of a few round trips the shortest says most. A difference that is within it is none: ranks of
/// one machine have one clock.
void StartingGun::compare_clocks() {
  const Tag tag{kChannel, Purpose::control};
  double shortest = std::numeric_limits<double>::infinity();
  for (int i = 0; i < kComparisons; ++i) {
    double theirs = 0;
    if (transport_.rank() == 0) {
      for (int r = 1; r < transport_.size(); ++r) {
        transport_.wait(transport_.post_receive(r, tag, {}));
        theirs = now();
        transport_.wait(transport_.post_send(r, tag, std::as_bytes(std::span(&theirs, 1))));
      }
      continue;
    }
    const Stopwatch trip;
    const double asked = now();
    transport_.wait(transport_.post_send(0, tag, {}));
    transport_.wait(transport_.post_receive(0, tag, std::as_writable_bytes(std::span(&theirs, 1))));
    const double seconds = trip.seconds();
    if (seconds >= shortest) continue;
    shortest = seconds;
    const double offset = theirs - (asked + seconds / 2);
    offset_ = std::abs(offset) <= seconds / 2 ? 0 : offset;
  }
}

std::vector<StartingGun::Report> StartingGun::exchange(const Report& mine) {
  std::vector<Report> all;
  for (const auto& bytes : allgather(transport_, std::as_bytes(std::span(&mine, 1)), kChannel)) {
    check(bytes.size() == sizeof(Report), "all ranks are at the same place");
    std::memcpy(&all.emplace_back(), bytes.data(), sizeof(Report));
  }
  return all;
}

double StartingGun::one(const std::function<void()>& work) {
  double least_late = std::numeric_limits<double>::infinity(), seconds = 0;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    double start = 0;
    for (const Report& report : exchange({.clock = clock()})) start = std::max(start, report.clock);
    start += margin_;
    const double spare = start - clock();
    sleep(spare - kWakeBefore);
    const double late = clock() - start;
    while (clock() < start) std::this_thread::yield();
    work();
    double latest = 0, slowest = 0, least_spare = margin_;
    for (const Report& report :
         exchange({.spare = spare, .late = late, .seconds = clock() - start})) {
      latest = std::max(latest, report.late);
      slowest = std::max(slowest, report.seconds);
      least_spare = std::min(least_spare, report.spare);
    }
    if (latest < least_late) least_late = latest, seconds = slowest - std::max(latest, 0.0);
    if (least_spare < 0) margin_ -= least_spare;
    ended_ = start + slowest;
    if (latest <= kInTime * slowest) break;
  }
  return seconds;
}

StartingGun::Rounds StartingGun::repeat(std::span<const std::function<void()>> works,
                                        const Enough& enough) {
  Rounds rounds;
  for (const double began = ended_; !enough(rounds, ended_ - began);) {
    rounds.emplace_back();
    for (const auto& work : works) rounds.back().push_back(one(work));
  }
  return rounds;
}

}  // namespace laconic::bench
