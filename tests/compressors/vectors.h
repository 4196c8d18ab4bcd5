#pragma once

#include <cmath>
#include <map>
#include <tuple>
#include <vector>

#include "base/rng.h"
#include "base/types.h"

/// Vectors that tests compress.
namespace laconic {

/// Its first element sits neither on a cache line nor on a register's boundary.
class Misaligned {
 public:
  explicit Misaligned(std::size_t count) : memory_(count + kOff) {}

  std::size_t size() const { return memory_.size() - kOff; }
  MutFloats span() { return MutFloats(memory_).subspan(kOff); }
  Floats span() const { return Floats(memory_).subspan(kOff); }
  float& operator[](std::size_t i) { return memory_[i + kOff]; }
  float operator[](std::size_t i) const { return memory_[i + kOff]; }

 private:
  static constexpr std::size_t kOff = 3;
  std::vector<float> memory_;
};

enum class Input { normal, integers, zeros, mostly_zeros, denormals, tiny, huge, wide };
inline constexpr Input kInputs[] = {Input::normal,       Input::integers,  Input::zeros,
                                    Input::mostly_zeros, Input::denormals, Input::tiny,
                                    Input::huge,         Input::wide};
inline constexpr std::size_t kShortLengths[] = {0, 1, 7, 8, 63, 64, 65, 1000};
inline constexpr std::size_t kLongLength = (std::size_t{1} << 18) + 3;

inline Misaligned fresh_input(Input kind, std::size_t count, std::uint64_t seed) {
  const RngKey key = derive(make_key(5, 0, 0, RngPurpose::test), seed);
  Misaligned v(count);
  for (std::size_t i = 0; i < count; ++i) {
    const double z = normal(key, i);
    switch (kind) {
      case Input::normal:
        v[i] = static_cast<float>(z);
        break;
      case Input::integers:  // many ties
        v[i] = static_cast<float>(std::round(2 * z));
        break;
      case Input::zeros:
        v[i] = i % 2 == 0 ? 0.0f : -0.0f;
        break;
      case Input::mostly_zeros:
        v[i] = i % 50 == 7 ? static_cast<float>(z) : 0.0f;
        break;
      case Input::denormals:
        v[i] = static_cast<float>(z * 1e-40);
        break;
      case Input::tiny:  // as small as guarantees reach
        v[i] = static_cast<float>(z * 1e-30);
        break;
      case Input::huge:  // as large as a scale of n/k = 100 lets it be
        v[i] = static_cast<float>(std::tanh(z) * 3e36);
        break;
      case Input::wide:  // all sizes, from denormal to huge
        v[i] = static_cast<float>(std::copysign(std::exp2(60 * z - 30), normal(key, i + count)));
        if (std::abs(v[i]) > 3e36f) v[i] = 3e36f;
        break;
    }
  }
  return v;
}

/// `seed` makes another vector of the kind. Long ones are kept: to make one takes longer than most
/// of what is tested on it.
inline Misaligned make_input(Input kind, std::size_t count, std::uint64_t seed = 0) {
  if (count < kLongLength) return fresh_input(kind, count, seed);
  static std::map<std::tuple<Input, std::size_t, std::uint64_t>, Misaligned> kept;
  const std::tuple key(kind, count, seed);
  const auto found = kept.find(key);
  return found != kept.end() ? found->second
                             : kept.emplace(key, fresh_input(kind, count, seed)).first->second;
}

}  // namespace laconic
