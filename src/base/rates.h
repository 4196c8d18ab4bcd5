#pragma once

#include <cstdint>
#include <string_view>

/// Rates and times as people write them: "100mbit", "1.5gbit", "5ms", "200us", "0".
namespace laconic {

using Nanoseconds = std::int64_t;

inline constexpr Nanoseconds kMicrosecond = 1'000;
inline constexpr Nanoseconds kMillisecond = 1'000'000;
inline constexpr Nanoseconds kSecond = 1'000'000'000;

/// Bits per second, decimal units (kbit, mbit, gbit; case does not matter), or infinity for
/// "unlimited". Throws std::invalid_argument, whose text says what was expected.
double parse_rate(std::string_view text);

/// A time of at most an hour; the unit may be left out only where the time is 0.
Nanoseconds parse_time(std::string_view text);

}  // namespace laconic
