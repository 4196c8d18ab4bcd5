// The value formats: each against a twin of a few lines that follows its definition, on every
// instruction set, and some bytes that may never change.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/errors.h"
#include "compressors/kernels/targets.h"
#include "compressors/makers.h"
#include "compressors/small_float.h"
#include "compressors/wire/endian.h"
#include "compressors/wire/value_codec.h"
#include "tests/compressors/vectors.h"

namespace laconic {
namespace {

using Section = std::vector<std::byte>;

const RngKey kKey = make_key(9, 0, 0, RngPurpose::test);

Section encode(const ValueCodec& codec, Floats in) {
  Scratch scratch;
  Section section(codec.max_bytes(in.size()));
  section.resize(codec.encode(in, section, {kKey, kKey, 0, 1, scratch}));
  return section;
}

std::vector<float> decode(const ValueCodec& codec, Bytes section, std::size_t count) {
  codec.validate({section, 0}, count);
  std::vector<float> out(count);
  codec.decode(section, count, 0, out);
  return out;
}

/// Number i of the stream of 16-bit numbers that a format draws from.
std::uint32_t random16(wire::Values id, std::size_t i) {
  const auto block = philox(derive(kKey, static_cast<std::uint64_t>(id)), i / 8);
  return block[i % 8 / 2] >> (i % 2 * 16) & 0xffff;
}

/// Which is below a fraction with that probability, in 2^-16.
double draw(wire::Values id, std::size_t i) { return (random16(id, i) + 0.5) / 65536; }

/// Calls check(in) for inputs of every kind and for lengths around all borders, on every target.
template <typename Check>
void on_every_input(Check check_one) {
  for (const auto& target : kernels::supported_targets()) {
    const kernels::OnTarget on(target);
    for (const std::size_t count : {1, 7, 63, 64, 65, 127, 1000, 1024, 1025, 3000})
      for (const Input kind : kInputs) {
        SCOPED_TRACE(std::string(target.name) + ", " + std::to_string(count) + " elements, input " +
                     std::to_string(static_cast<int>(kind)));
        check_one(make_input(kind, count));
      }
  }
}

template <typename T>
std::vector<T> rest(const Section& section, std::size_t begin) {
  std::vector<T> out((section.size() - begin) / sizeof(T));
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = wire::load<T>(&section[begin + i * sizeof(T)]);
  return out;
}

// ------------------------------------------------------------------------------------ small floats

struct SmallFloatCase {
  ValueFormat format;
  SmallFloat bits;
  double largest;
  wire::Values id;
};
const SmallFloatCase kSmallFloats[] = {{Fp16Options{}, kFp16, 65504, wire::Values::fp16},
                                       {Fp8E4M3Options{}, kE4M3, 448, wire::Values::fp8_e4m3},
                                       {Fp8E5M2Options{}, kE5M2, 57344, wire::Values::fp8_e5m2}};

/// The numbers from zero up, each at its code.
std::vector<double> numbers(const SmallFloatCase& c) {
  std::vector<double> all;
  for (unsigned code = 0; all.empty() || all.back() < c.largest; ++code) {
    const unsigned field = code >> c.bits.mantissa, below = code & ((1u << c.bits.mantissa) - 1);
    const double fraction = std::ldexp(below, -c.bits.mantissa);
    all.push_back(field == 0
                      ? std::ldexp(fraction, c.bits.least)
                      : std::ldexp(1 + fraction, c.bits.least + static_cast<int>(field) - 1));
  }
  return all;
}

/// The code of a bucket's value i, and the least scale at which the largest fits.
unsigned small_float_twin(const SmallFloatCase& c, const std::vector<double>& all, double scaled,
                          bool stochastic, std::size_t i) {
  const auto up = std::ranges::upper_bound(all, std::abs(scaled));
  auto code = static_cast<unsigned>(up - all.begin()) - 1;
  if (up != all.end()) {
    const double part = (std::abs(scaled) - all[code]) / (*up - all[code]);
    const bool odd = code % 2 == 1;
    if (stochastic ? draw(c.id, i) < part : part > 0.5 || (part == 0.5 && odd)) ++code;
  }
  return code | (std::signbit(scaled) ? 1u << (c.bits.bits - 1) : 0);
}

int small_float_scale(const SmallFloatCase& c, Floats bucket) {
  double largest = 0;
  for (const double x : bucket) largest = std::max(largest, std::abs(x));
  int scale = -127;
  while (std::ldexp(largest, -scale) > c.largest) ++scale;
  return scale;
}

TEST(Quantizers, SmallFloatsAreTheNearestOrOneOfTwo) {
  for (const SmallFloatCase& c : kSmallFloats)
    for (const bool stochastic : {false, true}) {
      const auto codec =
          make_value_codec(c.format, stochastic ? Rounding::stochastic : Rounding::nearest);
      const auto all = numbers(c);
      SCOPED_TRACE(std::string(codec->name()) + (stochastic ? ", stochastic" : ""));
      on_every_input([&](const Misaligned& in) {
        Section expected;
        std::vector<float> decoded;
        for (std::size_t i = 0; i < in.size(); ++i) {
          const Floats bucket = in.span().subspan(i / 1024 * 1024);
          const int scale =
              small_float_scale(c, bucket.first(std::min<std::size_t>(1024, bucket.size())));
          if (i % 1024 == 0) expected.push_back(static_cast<std::byte>(scale + 126 + c.bits.top));
          const double scaled = std::ldexp(double{in[i]}, -scale);
          const unsigned code = small_float_twin(c, all, scaled, stochastic, i);
          expected.push_back(static_cast<std::byte>(code));
          if (c.bits.bits == 16) expected.push_back(static_cast<std::byte>(code >> 8));
          decoded.push_back(static_cast<float>(std::copysign(
              std::ldexp(all[code & ((1u << (c.bits.bits - 1)) - 1)], scale), scaled)));
        }
        const Section section = encode(*codec, in.span());
        ASSERT_TRUE(section == expected);
        ASSERT_EQ(decode(*codec, section, in.size()), decoded);
      });
    }
}

// -------------------------------------------------------------------------------------------- sign

TEST(Quantizers, SignIsSignsAndTheMeanMagnitude) {
  for (const std::size_t bucket : {std::size_t{64}, std::size_t{1024}, std::size_t{65536}}) {
    const auto codec = make_value_codec(SignOptions{.bucket = bucket}, Rounding::nearest);
    on_every_input([&](const Misaligned& in) {
      const auto decoded = decode(*codec, encode(*codec, in.span()), in.size());
      for (std::size_t begin = 0; begin < in.size(); begin += bucket) {
        const std::size_t n = std::min(bucket, in.size() - begin);
        double mean = 0;
        for (std::size_t i = begin; i < begin + n; ++i)
          mean += std::abs(double{in[i]}) / static_cast<double>(n);
        ASSERT_NEAR(std::abs(decoded[begin]), mean, 1e-5 * mean + 0x1p-149);
        for (std::size_t i = begin; i < begin + n; ++i) {
          ASSERT_EQ(std::abs(decoded[i]), std::abs(decoded[begin]));
          ASSERT_EQ(std::signbit(decoded[i]), std::signbit(in[i]));
        }
      }
    });
  }
}

// --------------------------------------------------------------------------------------- in
// general

std::vector<ValueFormat> formats() {
  return {Float32Options{},         Bf16Options{},    Fp16Options{},
          Fp8E4M3Options{},         Fp8E5M2Options{}, SignOptions{},
          SignOptions{.bucket = 64}};
}

TEST(Quantizers, EveryInstructionSetGivesTheSameBits) {
  for (const ValueFormat& format : formats())
    for (const Rounding rounding : {Rounding::nearest, Rounding::stochastic}) {
      if (rounding == Rounding::stochastic && !can_be_unbiased(format)) continue;
      const auto codec = make_value_codec(format, rounding);
      SCOPED_TRACE(codec->name());
      for (const std::size_t count : {1, 63, 64, 65, 1000, 1025, 5000})
        for (const Input kind : kInputs) {
          const Misaligned in = make_input(kind, count);
          Section section;
          std::vector<float> decoded;
          for (const auto& target : kernels::supported_targets()) {
            const kernels::OnTarget on(target);
            const Section own = encode(*codec, in.span());
            if (section.empty()) section = own, decoded = decode(*codec, own, count);
            ASSERT_TRUE(own == section) << target.name;
            ASSERT_EQ(decode(*codec, section, count), decoded) << target.name;
          }
        }
    }
}

TEST(Quantizers, AnyMultipleOf64IsAPlaceToBegin) {
  for (const ValueFormat& format : formats()) {
    const auto codec = make_value_codec(format, Rounding::nearest);
    const Misaligned in = make_input(Input::normal, 5000);
    const Section section = encode(*codec, in.span());
    const auto whole = decode(*codec, section, in.size());
    for (std::size_t begin = 0; begin < in.size(); begin += 64)
      for (const std::size_t count : {std::size_t{64}, std::size_t{1024}, in.size()}) {
        std::vector<float> part(std::min(count, in.size() - begin));
        codec->decode(section, in.size(), begin, part);
        ASSERT_TRUE(std::ranges::equal(part, Floats(whole).subspan(begin, part.size())))
            << codec->name() << " from " << begin;
      }
  }
}

TEST(Quantizers, ThoseThatCannotBeUnbiasedSaySo) {
  for (const ValueFormat& format : formats()) {
    if (can_be_unbiased(format)) {
      EXPECT_TRUE(make_compressor(QuantizerOptions{format, true})->guarantee(500).unbiased());
      EXPECT_TRUE(make_compressor(RandKOptions{.density = 0.1, .values = format})
                      ->guarantee(500)
                      .unbiased());
    } else {
      EXPECT_THROW(make_compressor(QuantizerOptions{format, true}), ConfigError);
      EXPECT_THROW(make_compressor(RandKOptions{.values = format}), ConfigError);
    }
  }
}

TEST(Quantizers, RefuseBucketsOfOddSizes) {
  for (const std::size_t bucket : {0, 1, 63, 100, 65536 + 64})
    EXPECT_THROW(make_value_codec(SignOptions{.bucket = bucket}, Rounding::nearest), ConfigError);
}

Section bytes_of(std::initializer_list<int> values) {
  Section bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

TEST(Quantizers, GoldenBytes) {
  const std::vector<float> in{1, -0.5f, 0.1f, 0, 3, -7.75f, 0x1p-20f, 2.5f};
  const auto expect = [&in](const ValueFormat& format, const Section& golden) {
    EXPECT_TRUE(encode(*make_value_codec(format, Rounding::nearest), in) == golden)
        << name_of(format);
  };
  expect(Bf16Options{}, bytes_of({0x80, 0x3f, 0x00, 0xbf, 0xcd, 0x3d, 0, 0, 0x40, 0x40, 0xf8, 0xc0,
                                  0x80, 0x35, 0x20, 0x40}));
  // 7.75 is 1.9375 * 2^2; times 2^13 it has exponent 15.
  expect(Fp16Options{}, bytes_of({0x80, 0x00, 0x70, 0x00, 0xec, 0x66, 0x62, 0, 0, 0x00, 0x76, 0xc0,
                                  0xfb, 0x00, 0x20, 0x00, 0x75}));
  // 1.9375 * 2^8 is beyond 448: the scale is one more, and the value rounds to 2 * 2^7.
  expect(Fp8E4M3Options{}, bytes_of({0x81, 0x60, 0xd8, 0x45, 0, 0x6c, 0xf8, 0, 0x6a}));
  expect(Fp8E5M2Options{}, bytes_of({0x81, 0x6c, 0xe8, 0x5e, 0, 0x72, 0xf8, 0x1c, 0x71}));
  // The mean magnitude is 14.85 / 8.
  expect(SignOptions{}, bytes_of({16, 0, 0x9a, 0x99, 0xed, 0x3f, 0x22}));
}

}  // namespace
}  // namespace laconic
