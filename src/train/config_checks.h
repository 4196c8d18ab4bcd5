#pragma once

#include <fmt/format.h>

#include <cmath>
#include <stdexcept>
#include <string>

#include "base/errors.h"

/// Values of fields, handed on or refused with the field's path.
namespace laconic::from_config {

/// A number that protobuf has read, refused unless it `holds`. Comparisons are written so that NaN
/// fails them.
template <typename T>
T ranged(const std::string& path, T value, bool holds, const char* expected) {
  if (!holds) throw ConfigError(path, fmt::format("expected {}, is {}", expected, value));
  return value;
}

template <typename T>
T positive(const std::string& path, T value) {
  return ranged(path, value, value > 0 && std::isfinite(static_cast<double>(value)),
                "a number above 0");
}
template <typename T>
T not_negative(const std::string& path, T value) {
  return ranged(path, value, value >= 0 && std::isfinite(static_cast<double>(value)),
                "0 or a number above it");
}
template <typename T>
T fraction(const std::string& path, T value) {
  return ranged(path, value, value >= 0 && value <= 1, "a number in [0, 1]");
}
template <typename T>
T fraction_below_one(const std::string& path, T value) {
  return ranged(path, value, value >= 0 && value < 1, "a number in [0, 1)");
}
inline double density(const std::string& path, double value) {
  return ranged(path, value, value > 0 && value <= 1, "a number in (0, 1]");
}
template <typename T>
T at_least(const std::string& path, T value, T least) {
  if (value < least)
    throw ConfigError(path, fmt::format("expected at least {}, is {}", least, value));
  return value;
}

/// Where complete() has seen to it that there is a choice.
[[noreturn]] inline void not_chosen(const char* path) {
  throw std::logic_error(fmt::format("{}: nothing chosen", path));
}

}  // namespace laconic::from_config
