#include "base/rates.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>
#include <stdexcept>
#include <utility>

namespace laconic {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};

constexpr std::array kRates{Unit{"gbit", 1e9}, Unit{"mbit", 1e6}, Unit{"kbit", 1e3},
                            Unit{"bit", 1}};
constexpr std::array kTimes{Unit{"s", 1e9}, Unit{"ms", 1e6}, Unit{"us", 1e3}, Unit{"ns", 1}};

/// The number at the front of `text`, and what stands behind it in lower case; NaN if there is
/// none.
std::pair<double, std::string> split_unit(std::string_view text) {
  double value = std::numeric_limits<double>::quiet_NaN();
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  std::string unit(parsed.ptr, end);
  std::transform(unit.begin(), unit.end(), unit.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return {parsed.ec == std::errc() ? value : std::numeric_limits<double>::quiet_NaN(), unit};
}

template <std::size_t N>
double factor_of(const std::array<Unit, N>& units, std::string_view name) {
  const auto found =
      std::find_if(units.begin(), units.end(), [&](const Unit& unit) { return unit.name == name; });
  return found == units.end() ? std::numeric_limits<double>::quiet_NaN() : found->factor;
}

}  // namespace

double parse_rate(std::string_view text) {
  if (text == "unlimited") return std::numeric_limits<double>::infinity();
  const auto [value, unit] = split_unit(text);
  const double rate = value * factor_of(kRates, unit);
  if (rate >= 1e3 && rate <= 1e12) return rate;
  throw std::invalid_argument("rate '" + std::string(text) +
                              "': expected 1kbit to 1000gbit, like 10mbit or 1gbit, or unlimited");
}

Nanoseconds parse_time(std::string_view text) {
  const auto [value, unit] = split_unit(text);
  if (value == 0 && unit.empty()) return 0;
  const double time = value * factor_of(kTimes, unit);
  if (time >= 0 && time <= 3600e9) return std::llround(time);
  throw std::invalid_argument("time '" + std::string(text) +
                              "': expected 0 to 3600s, like 5ms, 200us or 0.1s");
}

}  // namespace laconic
