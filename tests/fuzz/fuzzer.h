#pragma once

#include <cstddef>
#include <cstring>
#include <type_traits>
#include <vector>

#include "base/types.h"

/// A fuzz target is one source that defines run() and seeds(); main.cc makes a libFuzzer program of
/// it, and CMake's laconic_fuzzer gives that its name. tests/fuzz/run runs them all.
namespace laconic::fuzz {

using Input = std::vector<std::byte>;

/// Feeds bytes from outside to a decoder. It may refuse them by its own kind of error, which is
/// caught here; whatever else it does wrong is for the sanitizers and require() to find.
void run(Bytes input);

/// Inputs to begin with, as our own encoder writes them: without, no input gets far.
std::vector<Input> seeds();

/// Aborts, which libFuzzer reports with the input that led here.
void require(bool holds, const char* what);

/// Takes what a target needs besides the bytes to decode, an element count say, off the front;
/// where the input is too short, it is filled up with zeros.
template <typename T>
T take(Bytes& input) {
  T value{};
  const std::size_t bytes = std::min(sizeof value, input.size());
  if (bytes > 0) std::memcpy(&value, input.data(), bytes);
  input = input.subspan(bytes);
  return value;
}

/// The same for seeds: `value` goes to the end. Of numbers only: of anything else it would be what
/// stands in memory, pointers for a vector.
template <typename T>
  requires std::is_arithmetic_v<T> || std::is_enum_v<T>
void put(Input& input, T value) {
  const Bytes raw = std::as_bytes(std::span<const T>(&value, 1));
  input.insert(input.end(), raw.begin(), raw.end());
}
inline void put(Input& input, Bytes bytes) {
  input.insert(input.end(), bytes.begin(), bytes.end());
}

}  // namespace laconic::fuzz
