#include "launcher/bench/sweep.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "base/errors.h"
#include "collectives/control.h"
#include "train/svg_chart.h"

namespace laconic::bench {
namespace {

constexpr std::size_t kLeastRounds = 3;

}  // namespace

void SweepOptions::add_to(CLI::App& command, const std::string& length, const std::string& each) {
  command.add_option("--factor", factor, "From one " + length + " to the next")
      ->check(CLI::Range(2, 1 << 20))
      ->capture_default_str();
  command
      .add_option("--seconds", seconds,
                  fmt::format("For each {}, at least {} rounds", each, kLeastRounds))
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command.add_option("--limit", limit, "Leave out what is predicted to take longer, seconds")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_flag("--json", json, "For programs");
  command.add_option("--svg", svg, "Draw time over " + length + " into this file");
}

void time_in_turn(StartingGun& gun, std::span<const std::function<void()>> works, double seconds,
                  std::size_t most, const std::vector<Measured*>& rows) {
  const double enough = seconds * static_cast<double>(works.size());
  const auto rounds = gun.repeat(works, [&](const StartingGun::Rounds& so_far, double spent) {
    return works.empty() || so_far.size() >= most ||
           (so_far.size() >= kLeastRounds && spent >= enough);
  });
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::vector<double> times;
    for (const auto& round : rounds) times.push_back(round[i]);
    rows[i]->seconds = spread_of(times);
    rows[i]->rounds = rounds.size();
  }
}

Judgement judge(const std::vector<Measured>& rows) {
  Judgement judgement;
  std::vector<double> errors;
  for (std::size_t i = 0; i < rows.size();) {
    double best = INFINITY, foretold = INFINITY, of_choice = INFINITY;
    const std::size_t length = rows[i].length;
    for (; i < rows.size() && rows[i].length == length; ++i) {
      const Measured& row = rows[i];
      if (!row.predicted) continue;
      errors.push_back(std::abs(*row.predicted / row.seconds.median - 1));
      best = std::min(best, row.seconds.median);
      if (*row.predicted >= foretold) continue;
      foretold = *row.predicted;
      of_choice = row.seconds.median;
    }
    if (best == INFINITY) continue;
    ++judgement.lengths;
    if (of_choice <= kAsGood * best) ++judgement.chose_well;
  }
  if (errors.empty()) return judgement;
  std::sort(errors.begin(), errors.end());
  judgement.median_error = errors[errors.size() / 2];
  judgement.ninetieth_error = errors[errors.size() * 9 / 10];
  return judgement;
}

void draw(const std::string& file, const std::string& title, const std::string& x_label,
          const std::vector<Measured>& rows) {
  Chart chart{.title = title + " (dashed: predicted)",
              .x_label = x_label,
              .y_label = "seconds, slowest rank, median",
              .series = {}};
  std::vector<std::string> names;
  for (const Measured& row : rows)
    if (std::find(names.begin(), names.end(), row.subject) == names.end())
      names.push_back(row.subject);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const int colour = static_cast<int>(i);
    ChartSeries measured{.name = names[i], .points = {}, .colour = colour};
    ChartSeries predicted{
        .name = names[i] + ", predicted", .points = {}, .dashed = true, .colour = colour};
    for (const Measured& row : rows) {
      if (row.subject != names[i]) continue;
      const auto length = static_cast<double>(row.length);
      measured.points.emplace_back(length, row.seconds.median);
      if (row.predicted) predicted.points.emplace_back(length, *row.predicted);
    }
    chart.series.push_back(measured);
    if (!predicted.points.empty()) chart.series.push_back(predicted);
  }
  std::ofstream out(file);
  out << svg_of(chart);
  if (!out.flush()) throw ConfigError("--svg", "a file that can be written, not " + file);
}

std::string time_text(double seconds) {
  if (seconds < 1e-3) return fmt::format("{:.1f} us", seconds * 1e6);
  if (seconds < 1) return fmt::format("{:.2f} ms", seconds * 1e3);
  return fmt::format("{:.2f} s", seconds);
}

std::vector<double> of_all_ranks(Transport& transport, double mine) {
  return allgather_values(transport, mine, channels::control);
}

}  // namespace laconic::bench
