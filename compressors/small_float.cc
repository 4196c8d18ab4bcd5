// The arithmetic of small floats, sixteen at a time.
//
// A scaled magnitude lies in a binade [2^E, 2^(E+1)), all that is denormal in the smallest one. In
// units of its binade's last place it is a number of steps below 2^(mantissa + 1), and the code is
// (E - least) * 2^mantissa + steps: a carry into the next binade comes out right by itself.
#include "compressors/small_float.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compressors/small_float.cc"
#include <hwy/foreach_target.h>

#include "compressors/kernels/philox-inl.h"
#include "compressors/kernels/strides-inl.h"

HWY_BEFORE_NAMESPACE();
namespace laconic::kernels::HWY_NAMESPACE {

template <SmallFloat F>
using Code = std::conditional_t<F.bits == 8, std::uint8_t, std::uint16_t>;

/// 2^E as bits.
template <SmallFloat F>
HWY_INLINE U32 binade_of(const F32& scaled) {
  return max(bits_of(scaled) & splat<std::uint32_t>(0x7f800000),
             splat(static_cast<std::uint32_t>(127 + F.least) << 23));
}

/// Less the code of the smallest binade, in the bits of a code's magnitude.
template <SmallFloat F>
constexpr std::uint32_t kLessLeast = -(static_cast<std::uint32_t>(127 + F.least) << F.mantissa) &
                                     ((1u << (F.bits - 1)) - 1);

/// `size(v, j)` yields the codes of the sixteen magnitudes at x + j, `v`, in the lower bits of
/// lanes, with anything above them.
template <SmallFloat F, typename Size>
HWY_INLINE void store_codes(const float* x, std::byte* to, const Size& size) {
  constexpr std::size_t L = kLanes;
  const F32 v[4] = {load(x), load(x + L), load(x + 2 * L), load(x + 3 * L)};
  const U32 sizes[4] = {size(v[0], 0), size(v[1], L), size(v[2], 2 * L), size(v[3], 3 * L)};
  if constexpr (F.bits == 8) {
    store_with_signs(sizes, v, to);
  } else {
    const auto code = [&](std::size_t i) LACONIC_LAMBDA {
      return (sizes[i] & splat(0x7fffu)) | (shift_right<16>(bits_of(v[i])) & splat(0x8000u));
    };
    store_halves(code(0), code(1), to);
    store_halves(code(2), code(3), to + 4 * L);
  }
}

/// To nearest, ties to even.
template <SmallFloat F>
HWY_INLINE void encode_nearest(const float* in, std::size_t n, float up, std::byte* out) {
  // 1.5 times a power of two so large that the last place of the sum is the one to round to; and
  // an even number of steps, so that the sum's lower bits are what a code is made of.
  constexpr std::uint32_t kLarge = ((23u - F.mantissa) << 23 | 0x400000u) + kLessLeast<F>;
  static_assert(kLessLeast<F> % 2 == 0);
  encode_strides<F.bits>(in, n, out, [up](const float* x, std::byte* to) LACONIC_LAMBDA {
    store_codes<F>(x, to, [up](const F32& v, std::size_t) LACONIC_LAMBDA {
      const F32 scaled = float_of(magnitude(v)) * splat(up);
      const U32 binade = binade_of<F>(scaled);
      const F32 sum = scaled + float_of(binade + splat(kLarge));
      return shift_right<23 - F.mantissa>(binade) + bits_of(sum);
    });
  });
}

/// Up with the probability, in 2^-16, that what is cut off is of a step. `begin` is where `in`
/// stands in the stream.
template <SmallFloat F>
HWY_INLINE void encode_stochastic(const float* in, std::size_t n, float up, std::byte* out,
                                  const RngKey& key, std::size_t begin) {
  Random16 random(key, begin, n);
  encode_strides<F.bits>(in, n, out, [&](const float* x, std::byte* to) LACONIC_LAMBDA {
    const std::uint16_t* const numbers = random.next();
    store_codes<F>(x, to, [&](const F32& v, std::size_t j) LACONIC_LAMBDA {
      const F32 scaled = float_of(magnitude(v)) * splat(up);
      const U32 binade = binade_of<F>(scaled);
      const U32 inverse = splat((254u + F.mantissa) << 23) - binade;  // steps in 1
      const F32 position = scaled * float_of(inverse);
      const I32 below = truncated(position);
      const U32 up_one = if_less(uniform16(numbers + j), position - converted(below),
                                 splat(kLessLeast<F> + 1), splat(kLessLeast<F>));
      return shift_right<23 - F.mantissa>(binade) + as_unsigned(below) + up_one;
    });
  });
}

template <SmallFloat F>
HWY_INLINE void decode(const std::byte* in, std::size_t n, std::uint8_t scale, float* out) {
  constexpr std::uint32_t kSign = 1u << (F.bits - 1), kOne = 1u << F.mantissa;
  constexpr auto kWeight = static_cast<std::uint32_t>(127 + F.least - F.mantissa - F.top) << 23;
  const F32 down = float_of(splat(static_cast<std::uint32_t>(scale) << 23));
  decode_strides<F.bits>(in, n, out, [&](const std::byte* from, float* to) LACONIC_LAMBDA {
    for (std::size_t j = 0; j < kStride; j += kLanes) {
      const U32 code = load_narrow<Code<F>>(from + j * sizeof(Code<F>));
      const U32 size = code & splat(kSign - 1);
      const U32 lead = max(size, splat(kOne)) & splat(kSign - kOne);
      const F32 steps = converted(as_signed(size - lead + splat(kOne)));
      const F32 step = float_of(shift_left<23 - F.mantissa>(lead) + splat(kWeight));
      const U32 sign = shift_left<32 - F.bits>(code & splat(kSign));
      store(float_of(bits_of(steps * step * down) | sign), to + j);
    }
  });
}

/// Calls f with a format as a constant.
template <typename Call>
HWY_INLINE void with_format(const SmallFloat& format, const Call& call) {
  if (format.bits == 16) return call.template operator()<kFp16>();
  if (format.mantissa == 3) return call.template operator()<kE4M3>();
  return call.template operator()<kE5M2>();
}

void encode_small_nearest(const SmallFloat& format, const float* in, std::size_t n, float up,
                          std::byte* out) {
  with_format(format, [=]<SmallFloat F>() LACONIC_LAMBDA { encode_nearest<F>(in, n, up, out); });
}

void encode_small_stochastic(const SmallFloat& format, const float* in, std::size_t n, float up,
                             std::byte* out, const RngKey& key, std::size_t begin) {
  with_format(format, [&]<SmallFloat F>()
                          LACONIC_LAMBDA { encode_stochastic<F>(in, n, up, out, key, begin); });
}

void decode_small(const SmallFloat& format, const std::byte* in, std::size_t n, std::uint8_t scale,
                  float* out) {
  with_format(format, [=]<SmallFloat F>() LACONIC_LAMBDA { decode<F>(in, n, scale, out); });
}

}  // namespace laconic::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <cmath>
#include <limits>

#include "compressors/bucket_codec.h"
#include "compressors/kernels/vectors.h"
#include "compressors/wire/endian.h"

namespace laconic {
namespace kernels {

HWY_EXPORT(encode_small_nearest);
HWY_EXPORT(encode_small_stochastic);
HWY_EXPORT(decode_small);

}  // namespace kernels

namespace {

class SmallFloatCodec final : public BucketCodec {
 public:
  SmallFloatCodec(const SmallFloat& format, wire::Values id, std::string_view name,
                  Rounding rounding)
      : BucketCodec({}, {}), format_(format), id_(id), name_(name), rounding_(rounding) {}

  wire::Values id() const override { return id_; }
  std::string_view name() const override { return name_; }

  // A normal number errs by half a unit of its last place at most, 2^-(mantissa + 1) of it; a
  // smaller one by half a unit of the smallest, while the bucket's largest is at least 2^(top - 1).
  // A random choice between two neighbours has no larger variance than the square of half of what
  // lies between them.
  Guarantee guarantee(std::size_t count) const override {
    const double error = std::ldexp(1, -2 * (format_.mantissa + 1)) +
                         std::ldexp(static_cast<double>(std::min(count, kBucket)),
                                    2 * (format_.least - format_.mantissa - format_.top));
    if (rounding_ == Rounding::stochastic) return {error, 0};
    return {std::numeric_limits<double>::infinity(), 1 - error};
  }

 private:
  std::size_t bucket_bytes(const Shape&, std::size_t count) const override {
    return 1 + format_.bits / 8 * count;
  }

  void encode_bucket(Floats in, std::byte* out, const Place& place) const override {
    using namespace kernels;
    // The exponent of the largest, one more where it would round up beyond the largest number, held
    // where the factor to the top binade is still a normal float.
    const auto largest = std::bit_cast<std::uint32_t>(largest_magnitude(in));
    const auto top = static_cast<std::uint32_t>(format_.top);
    const std::uint32_t exponent = std::max((largest + 0x7fffff - format_.widest) >> 23, top);
    const float up = std::bit_cast<float>((254 + top - exponent) << 23);
    wire::store(out, static_cast<std::uint8_t>(exponent - 1));
    if (rounding_ == Rounding::nearest)
      HWY_DYNAMIC_DISPATCH(encode_small_nearest)(format_, in.data(), in.size(), up, out + 1);
    else
      HWY_DYNAMIC_DISPATCH(encode_small_stochastic)
    (format_, in.data(), in.size(), up, out + 1, place.key, place.begin);
  }

  void decode_bucket(const Shape&, const std::byte* bucket, std::size_t, std::size_t begin,
                     MutFloats out) const override {
    using namespace kernels;
    HWY_DYNAMIC_DISPATCH(decode_small)
    (format_, bucket + 1 + format_.bits / 8 * begin, out.size(), wire::load<std::uint8_t>(bucket),
     out.data());
  }

  SmallFloat format_;
  wire::Values id_;
  std::string_view name_;
  Rounding rounding_;
};

}  // namespace

std::unique_ptr<const ValueCodec> make_small_float_codec(const SmallFloat& format, wire::Values id,
                                                         std::string_view name, Rounding rounding) {
  return std::make_unique<const SmallFloatCodec>(format, id, name, rounding);
}

}  // namespace laconic
#endif  // HWY_ONCE
