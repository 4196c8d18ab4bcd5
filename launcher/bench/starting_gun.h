#pragma once

#include <functional>
#include <span>
#include <vector>

#include "collectives/transport.h"

namespace laconic::bench {

/// Times collectives as a group sees them: all ranks begin at one reading of rank 0's clock, and a
/// run lasts from when the last one has begun until the slowest is through. Other clocks are
/// compared with rank 0's by round trips. A run for which some rank was late is done again, a few
/// times; the least late one counts. Every rank makes the same calls.
class StartingGun {
 public:
  /// `latency_seconds` between the ranks, more or less.
  StartingGun(Transport& transport, double latency_seconds);

  /// One time for each of `works`, all of them in turn, round after round, until `enough` says so
  /// of the rounds so far and of the seconds spent on them, which are the same on every rank. Each
  /// of the works should have run once before.
  using Rounds = std::vector<std::vector<double>>;  ///< By round, by work: seconds.
  using Enough = std::function<bool(const Rounds&, double spent_seconds)>;
  Rounds repeat(std::span<const std::function<void()>> works, const Enough& enough);

 private:
  struct Report {
    double clock = 0, spare = 0, late = 0, seconds = 0;
  };
  double clock() const;
  void compare_clocks();
  std::vector<Report> exchange(const Report& mine);
  double one(const std::function<void()>& work);

  Transport& transport_;
  double margin_;
  double offset_ = 0;  // of rank 0's clock to this one's
  double ended_ = 0;   // when the slowest rank was last through, by rank 0's clock
};

}  // namespace laconic::bench
