// Pyramid vector quantization (Fischer, IEEE Transactions on Information Theory 32, 1986): a group
// of n values becomes a gain times an integer vector whose magnitudes sum up to K, and that vector
// one number, its place among all of them.
//
//   values := shape:u8 bucket*           shape: K - 1, and 64 times (log2 n) - 3
//   bucket := gain:bf16* bits(w)*        of 1,024 values, the last one of what is left: a gain and
//                                        an index for each group; w the bits of N(n, K) - 1, for a
//                                        last group of fewer values those of its own N
//
// The vector y is found by pulses: as many as K |x| / |x|_1 has whole ones, then one after the
// other where it brings y nearest to the direction of x. With the gain <x,y>/<y,y> what is lost is
// |x|² - <x,y>²/<y,y>. If all pulses on the largest element lose less, they go there: at most
// 1 - 1/n is lost.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compressors/pyramid.cc"
#include <hwy/foreach_target.h>

#include "compressors/kernels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace laconic::kernels::HWY_NAMESPACE {

constexpr float kLaneNumbers[kLanes] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

// Puts `pulses` more on y, each where (c + x_i)² / (e + 2 y_i + 1) is largest, ties to the lowest
// i, c = <x,y> and e = <y,y>. All have `padded` elements, a multiple of 16; where x is negative no
// pulse goes.
void add_pulses(const float* x, std::size_t padded, std::size_t pulses, float* c, float* e,
                float* y) {
  for (; pulses > 0; --pulses) {
    F32 best = splat(-1.0f), where = splat(0.0f), lane = load(kLaneNumbers);
    for (std::size_t i = 0; i < padded; i += kLanes) {
      const F32 size = load(x + i), sum = size + splat(*c), twice = load(y + i) + load(y + i);
      const F32 near = sum * sum / (twice + splat(*e + 1));
      const F32 score = if_less(size, splat(0.0f), splat(-1.0f), near);
      where = if_less(best, score, lane, where);
      best = max(best, score);
      lane = lane + splat(static_cast<float>(kLanes));
    }
    float scores[kLanes], places[kLanes];
    store(best, scores), store(where, places);
    std::size_t first = 0;
    for (std::size_t l = 1; l < kLanes; ++l)
      if (scores[l] > scores[first] || (scores[l] == scores[first] && places[l] < places[first]))
        first = l;
    const auto i = static_cast<std::size_t>(places[first]);
    *c += x[i];
    *e += 2 * y[i] + 1;
    y[i] += 1;
  }
}

}  // namespace laconic::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "base/errors.h"
#include "compressors/bf16.h"
#include "compressors/bucket_codec.h"
#include "compressors/codec_makers.h"
#include "compressors/kernels/vectors.h"
#include "compressors/pyramid_index.h"
#include "compressors/wire/bits.h"
#include "compressors/wire/endian.h"

namespace laconic {
namespace kernels {

HWY_EXPORT(add_pulses);

}  // namespace kernels

namespace {

struct Pyramid {
  std::size_t group, pulses;
};

std::uint8_t to_wire(const PyramidOptions& options) {
  const auto log = static_cast<std::size_t>(std::countr_zero(options.group));
  return static_cast<std::uint8_t>((log - 3) << 6 | (options.pulses - 1));
}

Pyramid from_wire(std::uint8_t shape) {
  return {std::size_t{8} << (shape >> 6), (shape & 63u) + 1u};
}

/// An index, bit by bit in pieces that a BitWriter takes.
void put(wire::BitWriter& bits, PyramidIndex index, unsigned width) {
  for (; width > 32; width -= 32, index >>= 32) bits.put(static_cast<std::uint32_t>(index), 32);
  bits.put(static_cast<std::uint32_t>(index), width);
}

PyramidIndex get(wire::BitReader& bits, unsigned width) {
  PyramidIndex index = 0;
  for (unsigned at = 0; at < width; at += 32)
    index |= PyramidIndex{bits.get(std::min(32u, width - at))} << at;
  return index;
}

/// One group: fills y, of x.size() elements, and returns the gain.
float nearest(Floats x, std::size_t pulses, std::span<int> y) {
  using namespace kernels;
  constexpr std::size_t kRoom = kMostElements;
  const float largest = largest_magnitude(x), unit = binade_of(largest);
  std::ranges::fill(y, 0);
  if (largest == 0) {
    y[0] = static_cast<int>(pulses);
    return 0;
  }
  std::array<float, kRoom> size, pulse{};
  size.fill(-1);
  float total = 0;
  std::size_t peak = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    size[i] = std::abs(x[i] / unit);
    total += size[i];
    if (size[i] > size[peak]) peak = i;
  }
  float c = 0, e = 0;
  std::size_t left = pulses;
  for (std::size_t i = 0; i < x.size(); ++i) {
    // Rounding must not give away more than there are.
    const float share = std::floor(static_cast<float>(pulses) * size[i] / total);
    pulse[i] = std::min(share, static_cast<float>(left));
    left -= static_cast<std::size_t>(pulse[i]);
    c += size[i] * pulse[i];
    e += pulse[i] * pulse[i];
  }
  HWY_DYNAMIC_DISPATCH(add_pulses)
  (size.data(), (x.size() + 15) / 16 * 16, left, &c, &e, pulse.data());
  if (c * c / e < size[peak] * size[peak]) {
    pulse = {};
    pulse[peak] = static_cast<float>(pulses);
    c = size[peak], e = pulse[peak];
  }
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = static_cast<int>(std::copysign(pulse[i], x[i]));
  // No value may become too large for a float.
  return std::min(c / e * unit, 3e38f / *std::ranges::max_element(pulse));
}

class PyramidCodec final : public BucketCodec {
 public:
  explicit PyramidCodec(const PyramidOptions& options)
      : BucketCodec({.parameter = true}, {.parameter = to_wire(options)}) {}

  wire::Values id() const override { return wire::Values::pyramid; }
  std::string_view name() const override { return "pyramid"; }

  // A gain in bf16 is right to one part in 2^9.
  Guarantee guarantee(std::size_t count) const override {
    if (count == 0) return {0, 1};
    const std::size_t n = std::min(count, from_wire(shape().parameter).group);
    return {std::numeric_limits<double>::infinity(), (1 - 0x1p-16) / static_cast<double>(n)};
  }

 private:
  static constexpr std::size_t kGainBytes = 2;

  bool knows(std::uint8_t shape) const override { return from_wire(shape).pulses <= kMostPulses; }

  std::size_t bucket_bytes(const Shape& shape, std::size_t count) const override {
    const auto [group, pulses] = from_wire(shape.parameter);
    const std::size_t whole = count / group, rest = count % group;
    const std::size_t bits = whole * pyramid_bits(group, pulses) + pyramid_bits(rest, pulses);
    return kGainBytes * (whole + (rest > 0)) + wire::bytes_for_bits(bits);
  }

  void encode_bucket(Floats in, std::byte* out, const Place&) const override {
    const auto [group, pulses] = from_wire(shape().parameter);
    std::byte* indices = out + kGainBytes * ((in.size() + group - 1) / group);
    wire::BitWriter bits(
        {indices, bucket_bytes(shape(), in.size()) - static_cast<std::size_t>(indices - out)});
    std::array<int, kMostElements> memory;
    for (; !in.empty(); out += kGainBytes) {
      const std::size_t n = std::min(group, in.size());
      const std::span<int> y = std::span(memory).first(n);
      wire::store(out, to_bf16(nearest(in.first(n), pulses, y)));
      put(bits, pyramid_index(y, pulses), pyramid_bits(n, pulses));
      in = in.subspan(n);
    }
    bits.finish();
  }

  void decode_bucket(const Shape& shape, const std::byte* bucket, std::size_t count,
                     std::size_t begin, MutFloats out) const override {
    const auto [group, pulses] = from_wire(shape.parameter);
    const std::size_t gains = kGainBytes * ((count + group - 1) / group);
    const std::byte* gain = bucket + kGainBytes * (begin / group);
    wire::BitReader bits({bucket + gains, bucket_bytes(shape, count) - gains},
                         begin / group * pyramid_bits(group, pulses));
    std::array<int, kMostElements> memory;
    for (; !out.empty(); gain += kGainBytes) {
      const std::size_t n = std::min(group, out.size());
      const std::span<int> y = std::span(memory).first(n);
      // Whatever the bits say, no index is beyond the last.
      const PyramidIndex last = kPyramidSize[n][pulses] - 1;
      pyramid_vector(std::min(get(bits, pyramid_bits(n, pulses)), last), pulses, y);
      const float scale = from_bf16(wire::load<std::uint16_t>(gain));
      for (std::size_t i = 0; i < n; ++i) out[i] = scale * static_cast<float>(y[i]);
      out = out.subspan(n);
    }
  }
};

}  // namespace

std::unique_ptr<const ValueCodec> make_pyramid_codec(const PyramidOptions& options) {
  if (!(options.group == 8 || options.group == 16 || options.group == 32 || options.group == 64))
    throw ConfigError("group", "8, 16, 32 or 64");
  if (options.pulses == 0 || options.pulses > kMostPulses)
    throw ConfigError("pulses", "a number from 1 to 40");
  return std::make_unique<const PyramidCodec>(options);
}

}  // namespace laconic
#endif  // HWY_ONCE
