#pragma once

#include <bit>
#include <cstddef>
#include <cstring>
#include <type_traits>

/// Numbers on the wire are little endian and need not be aligned. All machines that Laconic runs on
/// are little endian, so a copy is all it takes.
namespace laconic::wire {

static_assert(std::endian::native == std::endian::little);

template <typename T>
T load(const std::byte* from) {
  static_assert(std::is_trivially_copyable_v<T>);
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <typename T>
void store(std::byte* to, T value) {
  static_assert(std::is_trivially_copyable_v<T>);
  std::memcpy(to, &value, sizeof value);
}

}  // namespace laconic::wire
