// float32 and bf16: values as they are, and their upper halves.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/errors.h"
#include "base/rng.h"
#include "compressors/kernels/vectors.h"
#include "compressors/wire/endian.h"
#include "compressors/wire/value_codec.h"

namespace laconic {
namespace {

void require_length(const wire::Section& section, std::size_t bytes) {
  if (section.bytes.size() != bytes)
    throw WireError(section.offset, "the values' length does not fit their number");
}

class Float32Codec final : public ValueCodec {
 public:
  wire::Values id() const override { return wire::Values::float32; }
  std::string_view name() const override { return "float32"; }
  Guarantee guarantee(std::size_t) const override { return {0, 1}; }
  std::size_t max_bytes(std::size_t count) const override { return 4 * count; }

  std::size_t encode(Floats in, MutBytes out, const Site&) const override {
    require_finite(in);
    if (!in.empty()) std::memcpy(out.data(), in.data(), in.size_bytes());
    return in.size_bytes();
  }

  void validate(const wire::Section& section, std::size_t count) const override {
    require_length(section, 4 * count);
  }

  void decode(Bytes section, std::size_t, std::size_t begin, MutFloats out) const override {
    if (!out.empty()) std::memcpy(out.data(), &section[4 * begin], out.size_bytes());
  }
};

constexpr std::uint32_t kLargestBf16 = 0x7f7f;

// Adding all but the last bit of half a unit carries into the upper half just where nearest-even
// rounds up. The largest magnitudes would carry into infinity: they stay at the largest bf16.
std::uint16_t nearest_bf16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t magnitude = bits & 0x7fffffff;
  const std::uint32_t rounded = (magnitude + 0x7fff + (magnitude >> 16 & 1)) >> 16;
  return static_cast<std::uint16_t>(bits >> 16 & 0x8000) |
         static_cast<std::uint16_t>(std::min(rounded, kLargestBf16));
}

// Up with the probability that the lower half is of a whole unit: a uniform 16-bit number carries
// exactly that often.
std::uint16_t stochastic_bf16(float x, std::uint32_t random16) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t rounded = ((bits & 0x7fffffff) + random16) >> 16;
  return static_cast<std::uint16_t>(bits >> 16 & 0x8000) |
         static_cast<std::uint16_t>(std::min(rounded, kLargestBf16));
}

class Bf16Codec final : public ValueCodec {
 public:
  explicit Bf16Codec(Rounding rounding) : rounding_(rounding) {}

  wire::Values id() const override { return wire::Values::bf16; }
  std::string_view name() const override { return "bf16"; }

  // A unit is at most 2^-7 of a value. Nearest errs by half of it, stochastic rounding with a
  // variance of at most a quarter of its square.
  Guarantee guarantee(std::size_t) const override {
    if (rounding_ == Rounding::stochastic) return {0x1p-16, 0};
    return {std::numeric_limits<double>::infinity(), 1 - 0x1p-16};
  }

  std::size_t max_bytes(std::size_t count) const override { return 2 * count; }

  std::size_t encode(Floats in, MutBytes out, const Site& site) const override {
    require_finite(in);
    if (rounding_ == Rounding::nearest)
      for (std::size_t i = 0; i < in.size(); ++i) wire::store(&out[2 * i], nearest_bf16(in[i]));
    else
      round_at_random(in, out, derive(site.own, static_cast<std::uint64_t>(id())));
    return 2 * in.size();
  }

  void validate(const wire::Section& section, std::size_t count) const override {
    require_length(section, 2 * count);
  }

  void decode(Bytes section, std::size_t, std::size_t begin, MutFloats out) const override {
    for (std::size_t i = 0; i < out.size(); ++i) {
      const std::uint32_t upper = wire::load<std::uint16_t>(&section[2 * (begin + i)]);
      out[i] = std::bit_cast<float>(upper << 16);
    }
  }

 private:
  // A block of the stream holds the random halves of eight values.
  static void round_at_random(Floats in, MutBytes out, const RngKey& key) {
    for (std::size_t begin = 0; begin < in.size(); begin += 8) {
      const auto block = philox(key, begin / 8);
      for (std::size_t i = begin; i < std::min(begin + 8, in.size()); ++i) {
        const std::uint32_t word = block[(i - begin) / 2];
        const std::uint32_t random16 = i % 2 == 0 ? word & 0xffff : word >> 16;
        wire::store(&out[2 * i], stochastic_bf16(in[i], random16));
      }
    }
  }

  Rounding rounding_;
};

}  // namespace

std::unique_ptr<const ValueCodec> make_float32_codec() {
  return std::make_unique<const Float32Codec>();
}

std::unique_ptr<const ValueCodec> make_bf16_codec(Rounding rounding) {
  return std::make_unique<const Bf16Codec>(rounding);
}

}  // namespace laconic
