#include "launcher/bench/timing.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/clock.h"

namespace laconic::bench {
namespace {

constexpr std::size_t kLeastRounds = 5;

// `sorted` at a quantile, between neighbours by distance.
double quantile(const std::vector<double>& sorted, double q) {
  const double at = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], at - static_cast<double>(below));
}

}  // namespace

Spread spread_of(std::vector<double> values) {
  check(!values.empty(), "a spread of something");
  std::sort(values.begin(), values.end());
  return {quantile(values, 0.25), quantile(values, 0.5), quantile(values, 0.75)};
}

Spread ratios(const std::vector<double>& of, const std::vector<double>& to) {
  std::vector<double> each;
  for (std::size_t i = 0; i < of.size(); ++i) each.push_back(of[i] / to[i]);
  return spread_of(std::move(each));
}

std::string text_of(const Spread& s) {
  return fmt::format("{:.2f} ({:.2f}-{:.2f})", s.median, s.lower, s.upper);
}

double seconds_of(const Work& work) {
  work.prepare();
  const Stopwatch watch;
  work.run();
  return watch.seconds();
}

Spread ratio_of(const Work& work, const Work& reference, double seconds) {
  std::vector<double> ratios;
  seconds_of(reference), seconds_of(work);
  for (const Stopwatch watch; ratios.size() < kLeastRounds || watch.seconds() < seconds;) {
    const double of_reference = seconds_of(reference);
    ratios.push_back(seconds_of(work) / of_reference);
  }
  return spread_of(std::move(ratios));
}

}  // namespace laconic::bench
