#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "collectives/transport.h"
#include "launcher/bench/starting_gun.h"
#include "launcher/bench/timing.h"

/// What benches of collectives share: several subjects over several lengths, each measured beside
/// what the cost model had predicted.
namespace laconic::bench {

struct SweepOptions {
  std::size_t factor = 4;  ///< From one length to the next.
  double seconds = 0.5;    ///< For each subject and length.
  double limit = 10;       ///< Left out is what is predicted to take longer, seconds.
  bool json = false;
  std::string svg;  ///< A file, or empty.

  /// `each` names what is timed ("length and algorithm"). *this must outlive `command`.
  void add_to(CLI::App& command, const std::string& length, const std::string& each);
};

/// One subject at one length.
struct Measured {
  std::string subject;
  std::size_t length = 0;
  Spread seconds;  ///< Of the slowest rank.
  std::size_t rounds = 0;
  std::optional<double> predicted;  ///< Seconds.
};

/// Runs all in turn until each has had `seconds`, from 3 to `most` rounds; `rows[i]` hears of
/// `works[i]`. Collective.
void time_in_turn(StartingGun& gun, std::span<const std::function<void()>> works, double seconds,
                  std::size_t most, const std::vector<Measured*>& rows);

/// How well the model did: errors as parts of what was measured, and its choice for each length.
struct Judgement {
  double median_error = 0, ninetieth_error = 0;
  std::size_t lengths = 0, chose_well = 0;
};
constexpr double kAsGood = 1.05;  ///< Times the time of the best: no worse a choice.

/// Rows of one length stand together.
Judgement judge(const std::vector<Measured>& rows);

/// Time over length, measured and (dashed) predicted. Throws ConfigError where the file cannot be
/// written.
void draw(const std::string& file, const std::string& title, const std::string& x_label,
          const std::vector<Measured>& rows);

/// "12.3 us"
std::string time_text(double seconds);

/// What each rank has found, by rank. Collective.
std::vector<double> of_all_ranks(Transport& transport, double mine);

}  // namespace laconic::bench
