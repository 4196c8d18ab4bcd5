// The value formats: each against a twin of a few lines that follows its definition, on every
// instruction set. golden_test.cc holds their bytes still.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/errors.h"
#include "compressors/kernels/targets.h"
#include "compressors/makers.h"
#include "compressors/pyramid_index.h"
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
  Section section(codec.bytes(in.size()));
  wire::SectionWriter out(section);
  codec.encode(in, out, {kKey, kKey, 0, 1, scratch});
  out.finish();
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

// -------------------------------------------------------------------------------------------- qsgd

// The unit is what the definition says; a value is one of the two levels beside it, the one that
// the draw says unless that is too close to tell.
TEST(Quantizers, QsgdTakesOneOfTwoLevels) {
  for (const QsgdOptions& options :
       {QsgdOptions{}, QsgdOptions{.levels = 1, .bucket = 64}, QsgdOptions{.levels = 15},
        QsgdOptions{.levels = 7, .norm = QsgdNorm::l2, .bucket = 128}}) {
    const auto codec = make_value_codec(options, Rounding::stochastic);
    const auto levels = static_cast<double>(options.levels);
    on_every_input([&](const Misaligned& in) {
      const auto decoded = decode(*codec, encode(*codec, in.span()), in.size());
      for (std::size_t i = 0; i < in.size(); ++i) {
        const Floats rest = in.span().subspan(i / options.bucket * options.bucket);
        double most = 0, squares = 0;
        for (const double x : rest.first(std::min(options.bucket, rest.size()))) {
          most = std::max(most, std::abs(x));
          squares += x * x;
        }
        const double unit = (options.norm == QsgdNorm::l2 ? std::sqrt(squares) : most) / levels;
        if (unit < 0x1p-126) {
          ASSERT_EQ(decoded[i], 0);
          continue;
        }
        const double level = in[i] / unit, up = std::floor(level + draw(wire::Values::qsgd, i));
        const double distance = level + draw(wire::Values::qsgd, i) - up;
        if (distance > 1e-4 && distance < 1 - 1e-4) {
          ASSERT_NEAR(decoded[i], up * unit, 1e-5 * std::abs(up * unit));
        }
        ASSERT_LT(std::abs(decoded[i] / unit - level), 1 + 1e-4);
        ASSERT_LE(std::abs(decoded[i]), levels * unit * (1 + 1e-5));
      }
    });
  }
}

// ----------------------------------------------------------------------------------------- natural

TEST(Quantizers, NaturalTakesOneOfTwoPowers) {
  for (const Rounding rounding : {Rounding::nearest, Rounding::stochastic}) {
    const auto codec = make_value_codec(NaturalOptions{}, rounding);
    on_every_input([&](const Misaligned& in) {
      const auto decoded = decode(*codec, encode(*codec, in.span()), in.size());
      for (std::size_t i = 0; i < in.size(); ++i) {
        const double size = std::abs(double{in[i]});
        const bool normal = size >= 0x1p-126;
        const double below = normal ? std::exp2(std::floor(std::log2(size))) : 0;
        const double above = normal ? 2 * below : 0x1p-126;
        const double part = (size - below) / (above - below);
        const bool up = rounding == Rounding::nearest ? part >= 0.5
                                                      : draw(wire::Values::natural, i) + part >= 1;
        ASSERT_EQ(decoded[i], std::copysign(up ? above : below, in[i]));
        ASSERT_EQ(std::signbit(decoded[i]), std::signbit(in[i]));
      }
    });
  }
}

// ----------------------------------------------------------------------------------------- two_bit

// Values of one code have decoded to their mean, and codes are cut at zero and 1.5 sigma.
TEST(Quantizers, TwoBitTakesTheMeanOfEachBin) {
  const auto codec = make_value_codec(TwoBitOptions{}, Rounding::nearest);
  on_every_input([&](const Misaligned& in) {
    const auto decoded = decode(*codec, encode(*codec, in.span()), in.size());
    for (std::size_t begin = 0; begin < in.size(); begin += 1024) {
      const std::size_t end = std::min(in.size(), begin + 1024);
      double squares = 0;
      for (std::size_t i = begin; i < end; ++i) squares += double{in[i]} * in[i];
      const double edge = 1.5 * std::sqrt(squares / static_cast<double>(end - begin));
      for (const bool negative : {false, true})
        for (const bool outer : {false, true}) {
          double sum = 0, count = 0;
          bool close = false;
          for (std::size_t i = begin; i < end; ++i) {
            const double size = std::abs(double{in[i]});
            close = close || std::abs(size - edge) <= 1e-5 * edge;
            if (std::signbit(in[i]) != negative || (size >= edge) != outer) continue;
            sum += in[i], ++count;
          }
          if (close) continue;  // a float may see it on the other side
          for (std::size_t i = begin; i < end; ++i)
            if (std::signbit(in[i]) == negative && (std::abs(double{in[i]}) >= edge) == outer) {
              ASSERT_NEAR(decoded[i], sum / count, std::abs(sum / count) * 0x1.1p-8 + 0x1p-133);
            }
        }
    }
  });
}

// ----------------------------------------------------------------------------------------- pyramid

TEST(Pyramid, EveryVectorHasItsIndex) {
  for (const std::size_t n : {1, 2, 3, 5})
    for (const std::size_t pulses : {1, 2, 5, 7}) {
      const auto count = static_cast<std::size_t>(kPyramidSize[n][pulses]);
      std::vector<std::vector<int>> seen;
      for (std::size_t index = 0; index < count; ++index) {
        std::vector<int> y(n);
        pyramid_vector(index, pulses, y);
        std::size_t sum = 0;
        for (const int v : y) sum += static_cast<std::size_t>(std::abs(v));
        ASSERT_EQ(sum, pulses);
        ASSERT_TRUE(pyramid_index(y, pulses) == index);
        seen.push_back(y);
      }
      std::ranges::sort(seen);
      EXPECT_TRUE(std::ranges::adjacent_find(seen) == seen.end());
    }
  // By the binomials: sum over j of 2^j C(n, j) C(K-1, j-1).
  EXPECT_TRUE(kPyramidSize[3][2] == 18);
  EXPECT_TRUE(kPyramidSize[8][4] == 2816);
  EXPECT_EQ(pyramid_bits(64, 32), 108u);
  EXPECT_EQ(pyramid_bits(64, 40), 123u);
  EXPECT_EQ(pyramid_bits(1, 40), 1u);
}

TEST(Pyramid, LastVectorsOfTheLongestPyramid) {
  std::vector<int> y(kMostElements);
  for (PyramidIndex back = 1; back < 100; ++back) {
    const PyramidIndex index = kPyramidSize[kMostElements][kMostPulses] - back;
    pyramid_vector(index, kMostPulses, y);
    EXPECT_TRUE(pyramid_index(y, kMostPulses) == index);
  }
}

// What comes back points where the input does, as near as the best of all vectors of few pulses.
TEST(Pyramid, FindsTheNearestOfFewPulses) {
  constexpr std::size_t kGroup = 8, kPulses = 3;
  const auto codec =
      make_value_codec(PyramidOptions{.group = kGroup, .pulses = kPulses}, Rounding::nearest);
  double found = 0, best = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const Misaligned in = make_input(Input::normal, kGroup, seed);
    double norm = 0, kept = 0, dot = 0, energy = 0;
    const auto out = decode(*codec, encode(*codec, in.span()), kGroup);
    for (std::size_t i = 0; i < kGroup; ++i) {
      norm += double{in[i]} * in[i];
      dot += double{in[i]} * out[i];
      energy += double{out[i]} * out[i];
    }
    std::vector<int> y(kGroup);
    for (PyramidIndex index = 0; index < kPyramidSize[kGroup][kPulses]; ++index) {
      pyramid_vector(index, kPulses, y);
      double c = 0, e = 0;
      for (std::size_t i = 0; i < kGroup; ++i) c += double{in[i]} * y[i], e += y[i] * y[i];
      if (c > 0) kept = std::max(kept, c * c / e);
    }
    ASSERT_LE(dot * dot / energy, kept * (1 + 1e-6));
    found += dot * dot / energy / norm, best += kept / norm;
  }
  EXPECT_GT(found, 0.97 * best);
}

// A gain that is rounded up, times all pulses in one place, could be too large for a float.
TEST(Pyramid, TheLargestFloatsStayFiniteAndNear) {
  constexpr float kLargest = std::numeric_limits<float>::max();
  for (const std::size_t pulses : {1, 3, 5, 40}) {
    const auto codec =
        make_value_codec(PyramidOptions{.group = 8, .pulses = pulses}, Rounding::nearest);
    for (const std::size_t others : {0, 1, 7}) {
      std::vector<float> in(8);
      std::fill_n(in.begin(), others + 1, kLargest);
      const std::vector<float> out = decode(*codec, encode(*codec, in), in.size());
      double lost = 0;
      for (std::size_t i = 0; i < in.size(); ++i) {
        EXPECT_TRUE(std::isfinite(out[i])) << pulses << " pulses, " << others << " others";
        lost += std::pow((out[i] - double{in[i]}) / kLargest, 2);
      }
      const double all = static_cast<double>(others + 1);
      EXPECT_LE(lost, (1 - codec->guarantee(in.size()).alpha) * all)
          << pulses << " pulses, " << others << " others";
    }
  }
}

// ------------------------------------------------------------------------------------ every format

std::vector<ValueFormat> formats() {
  return {Float32Options{},
          Bf16Options{},
          Fp16Options{},
          Fp8E4M3Options{},
          Fp8E5M2Options{},
          SignOptions{},
          SignOptions{.bucket = 64},
          QsgdOptions{},
          QsgdOptions{.levels = 1, .bucket = 64},
          QsgdOptions{.levels = 15, .norm = QsgdNorm::l2},
          NaturalOptions{},
          TwoBitOptions{},
          TwoBitOptions{.bucket = 128},
          PyramidOptions{},
          PyramidOptions{.group = 8, .pulses = 5},
          PyramidOptions{.group = 32, .pulses = 40}};
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

TEST(Quantizers, RefuseParametersOutOfRange) {
  for (const ValueFormat& format : std::initializer_list<ValueFormat>{
           QsgdOptions{.levels = 0}, QsgdOptions{.levels = 128}, QsgdOptions{.bucket = 1},
           TwoBitOptions{.bucket = 65}, PyramidOptions{.group = 0}, PyramidOptions{.group = 128},
           PyramidOptions{.group = 24}, PyramidOptions{.pulses = 0}, PyramidOptions{.pulses = 41}})
    EXPECT_THROW(make_value_codec(format, Rounding::nearest), ConfigError);
}

TEST(Quantizers, RefuseBucketsOfOddSizes) {
  for (const std::size_t bucket : {0, 1, 63, 100, 65536 + 64})
    EXPECT_THROW(make_value_codec(SignOptions{.bucket = bucket}, Rounding::nearest), ConfigError);
}

}  // namespace
}  // namespace laconic
