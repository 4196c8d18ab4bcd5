// Pyramid vector quantization (Fischer, IEEE Transactions on Information Theory 32, 1986): a group
// of n values becomes a gain times an integer vector whose magnitudes sum up to K, and that vector
// one number, its place among all of them.
//
//   values := shape:u8 bucket*           shape: K - 1, and 64 times (log2 n) - 3
//   bucket := gain:bf16* bits(w)*        of 1,024 values, the last one of what is left: a gain and
//                                        an index for each group; w the bits of N(n, K) - 1, for a
//                                        last group of fewer values those of its own N
//
// With the gain g = <x,y>/<y,y> what is lost is |x|² - <x,y>²/<y,y>, and one more pulse on x_i is
// worth x_i - g (y_i + 1/2), up to a factor. So y is x / g + s, rounded, with one s for all
// elements such that there are K pulses; g is taken from an x that is scaled to about as many.
// Where no s gives K, as of equal elements, it is one that falls short, and the pulses left over
// are placed one after the other, each where least is lost. If all pulses on the largest element
// lose less, they go there: at most 1 - 1/n is lost.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compressors/pyramid.cc"
#include <hwy/foreach_target.h>

#include "compressors/kernels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace laconic::kernels::HWY_NAMESPACE {

/// <x,y> and <y,y>.
using Products = std::pair<float, float>;

constexpr float kLaneNumbers[kLanes] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

// Puts `left` pulses more on y, of `n` elements: each where (<x,y> + x_i)² / (<y,y> + 2 y_i + 1) is
// largest, ties to the lowest i.
template <std::size_t kVectors>
HWY_INLINE void add_pulses(const F32 (&x)[kVectors], std::size_t n, std::size_t left,
                           Products& products, float* y) {
  auto& [along, square] = products;
  for (; left > 0; --left) {
    F32 best = splat(-1.0f), where = splat(0.0f), lane = load(kLaneNumbers);
    for (std::size_t i = 0; i < kVectors; ++i) {
      const F32 pulses = load(y + i * kLanes), sum = x[i] + splat(along);
      const F32 near = sum * sum / (pulses + pulses + splat(square + 1));
      const F32 score = if_less(lane, splat(static_cast<float>(n)), near, splat(-1.0f));
      where = if_less(best, score, lane, where);
      best = max(best, score);
      lane = lane + splat(static_cast<float>(kLanes));
    }
    float scores[kLanes], places[kLanes], sizes[kVectors * kLanes];
    store(best, scores), store(where, places);
    for (std::size_t i = 0; i < kVectors; ++i) store(x[i], sizes + i * kLanes);
    std::size_t first = 0;
    for (std::size_t l = 1; l < kLanes; ++l)
      if (scores[l] > scores[first] || (scores[l] == scores[first] && places[l] < places[first]))
        first = l;
    const auto i = static_cast<std::size_t>(places[first]);
    along += sizes[i];
    square += 2 * y[i] + 1;
    y[i] += 1;
  }
}

// Where a count that rises from 0 at `low` on is `wanted`; where it is less, if so many trials do
// not find that, or if it is less at `high`. A trial is made where it would be if the count rose
// evenly between what is known.
struct Found {
  float at, count;
};
template <typename Count>
HWY_INLINE Found find_count(float wanted, float low, float high, int trials, const Count& count) {
  float few = 0, many = count(high);
  if (many <= wanted) return {high, many};
  for (int i = 0; i < trials && few < wanted; ++i) {
    const float trial = low + (high - low) * ((wanted - few) / (many - few));
    const float found = count(trial);
    if (found <= wanted)
      low = trial, few = found;
    else
      high = trial, many = found;
  }
  return {low, few};
}

// The magnitudes of `in`, times `inverse`, below 4 and not all 0, are x.
template <std::size_t kVectors>
HWY_INLINE Products place_in(const float* in, std::size_t n, float inverse, std::size_t pulses,
                             float* y) {
  F32 x[kVectors], all = splat(0.0f);
  for (std::size_t i = 0; i < kVectors; ++i) {
    const bool whole = i + 1 < kVectors || n % kLanes == 0;
    const F32 v = whole ? load(in + i * kLanes) : load(in + i * kLanes, n % kLanes);
    x[i] = float_of(magnitude(v)) * splat(inverse);
    all = all + x[i];
  }
  const auto rounded_at = [&x](std::size_t i, float scale, float shift) LACONIC_LAMBDA {
    return rounded(max(x[i] * splat(scale) + splat(shift), splat(0.0f)));
  };
  const auto pulses_at = [&](float scale, float shift) LACONIC_LAMBDA {
    I32 count = rounded_at(0, scale, shift);
    for (std::size_t i = 1; i < kVectors; ++i) count = count + rounded_at(i, scale, shift);
    return static_cast<float>(sum(count));
  };
  const auto products_at = [&](float scale, float shift) LACONIC_LAMBDA {
    F32 along = splat(0.0f), square = along;
    for (std::size_t i = 0; i < kVectors; ++i) {
      const F32 count = converted(rounded_at(i, scale, shift));
      store(count, y + i * kLanes);
      along = along + x[i] * count;
      square = square + count * count;
    }
    return Products{sum(along), sum(square)};
  };
  const auto wanted = static_cast<float>(pulses);
  // Rounding takes less than a half from each element.
  const float most = (wanted + 1 + 0.5f * static_cast<float>(n)) / sum(all);
  const Found scaled = find_count(wanted, 0, most, 4,
                                  [&](float scale) LACONIC_LAMBDA { return pulses_at(scale, 0); });
  const auto [along, square] = products_at(scaled.at, 0);
  const float scale = square > 0 ? square / along : most;
  // From a half on there would be pulses where x is 0.
  const Found shifted = find_count(wanted, -4 * scale, 0.5f, 10, [&](float shift) LACONIC_LAMBDA {
    return pulses_at(scale, shift);
  });
  Products products = products_at(scale, shifted.at);
  add_pulses(x, n, pulses - static_cast<std::size_t>(shifted.count), products, y);
  return products;
}

Products place_pulses(const float* in, std::size_t n, float inverse, std::size_t pulses, float* y) {
  switch ((n + kLanes - 1) / kLanes) {
    case 1:
      return place_in<1>(in, n, inverse, pulses, y);
    case 2:
      return place_in<2>(in, n, inverse, pulses, y);
    case 3:
      return place_in<3>(in, n, inverse, pulses, y);
    default:
      return place_in<4>(in, n, inverse, pulses, y);
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

HWY_EXPORT(place_pulses);

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
  const float largest = largest_magnitude(x), unit = binade_of(largest);
  std::ranges::fill(y, 0);
  if (largest == 0) {
    y[0] = static_cast<int>(pulses);
    return 0;
  }
  std::array<float, kMostElements> pulse;
  auto [along, square] =
      HWY_DYNAMIC_DISPATCH(place_pulses)(x.data(), x.size(), 1 / unit, pulses, pulse.data());
  if (const float peak = largest / unit; along * along / square < peak * peak) {
    pulse = {};
    const auto is_largest = [largest](float v) { return std::abs(v) == largest; };
    pulse[static_cast<std::size_t>(std::ranges::find_if(x, is_largest) - x.begin())] =
        static_cast<float>(pulses);
    along = peak, square = static_cast<float>(pulses);
  }
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = static_cast<int>(std::copysign(pulse[i], x[i]));
  // No value may become too large for a float, nor the gain for bf16.
  constexpr float kLargestBf16 = 0x1.fep127f;
  const float gain = along / square * unit;
  if (gain < kLargestBf16 / kMostPulses) return gain;
  return std::min(gain, kLargestBf16 / *std::ranges::max_element(std::span(pulse).first(x.size())));
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
