// QSGD (Alistarh et al., NeurIPS 2017): each value at random to one of two neighbouring levels, so
// that it is right in the mean. The levels of a bucket are the multiples of a unit, its largest
// magnitude or its 2-norm over the number of levels.
//
//   values := bucket:u16 levels:u8 bucket*      bucket in units of 64 values
//   bucket := unit:f32 bits(w)*                 w the bits of `levels` and one more: multiples of
//                                               the unit, from -levels to levels, two's complement
//
// A value within a unit of two levels has a variance of at most unit²/4, and of at most unit |x|
// besides: omega = min(n / 4s², √n / s) for s levels and buckets of n.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compressors/qsgd.cc"
#include <hwy/foreach_target.h>

#include "compressors/kernels/philox-inl.h"
#include "compressors/kernels/strides-inl.h"

HWY_BEFORE_NAMESPACE();
namespace laconic::kernels::HWY_NAMESPACE {

// A random fraction less a half, then to nearest: up with the probability, in 2^-16, that the value
// is above the lower level.
template <unsigned Width>
HWY_INLINE void encode_levels(const float* in, std::size_t n, float inverse, std::byte* out,
                              const RngKey& key, std::size_t begin) {
  Random16 random(key, begin, n);
  encode_strides<Width>(in, n, out, [&](const float* x, std::byte* to) LACONIC_LAMBDA {
    std::uint8_t codes[kStride];
    const std::uint16_t* const numbers = random.next();
    I32 levels[kStride / kLanes];
    for (std::size_t j = 0; j < kStride; j += kLanes)
      levels[j / kLanes] = rounded(fma(load(x + j), splat(inverse), centred16(numbers + j)));
    store_quarters<true>(levels, codes);
    pack_stride<Width>(codes, to);
  });
}

void encode_qsgd(unsigned width, const float* in, std::size_t n, float inverse, std::byte* out,
                 const RngKey& key, std::size_t begin) {
  with_width(width, [&](auto w) LACONIC_LAMBDA {
    encode_levels<decltype(w)::value>(in, n, inverse, out, key, begin);
  });
}

template <unsigned Width>
HWY_INLINE void decode_levels(const std::byte* in, std::size_t n, float unit, float* out) {
  decode_strides<Width>(in, n, out, [&](const std::byte* from, float* to) LACONIC_LAMBDA {
    std::uint8_t codes[kStride];
    unpack_stride<Width>(from, codes);
    for (std::size_t j = 0; j < kStride; j += kLanes) {
      const U32 code = load_narrow<std::uint8_t>(codes + j);
      const I32 level = shift_right<32 - Width>(as_signed(shift_left<32 - Width>(code)));
      store(converted(level) * splat(unit), to + j);
    }
  });
}

void decode_qsgd(unsigned width, const std::byte* in, std::size_t n, float unit, float* out) {
  with_width(width,
             [&](auto w) LACONIC_LAMBDA { decode_levels<decltype(w)::value>(in, n, unit, out); });
}

}  // namespace laconic::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <bit>
#include <limits>

#include "base/errors.h"
#include "compressors/bucket_codec.h"
#include "compressors/codec_makers.h"
#include "compressors/kernels/vectors.h"
#include "compressors/wire/endian.h"

namespace laconic {
namespace kernels {

HWY_EXPORT(encode_qsgd);
HWY_EXPORT(decode_qsgd);

}  // namespace kernels

namespace {

constexpr std::uint32_t kMostLevels = 127;

unsigned width_of(std::uint8_t levels) { return static_cast<unsigned>(std::bit_width(levels)) + 1; }

class Qsgd final : public BucketCodec {
 public:
  explicit Qsgd(const QsgdOptions& options)
      : BucketCodec(
            {.bucket = true, .parameter = true},
            {.bucket = options.bucket, .parameter = static_cast<std::uint8_t>(options.levels)}),
        norm_(options.norm) {}

  wire::Values id() const override { return wire::Values::qsgd; }
  std::string_view name() const override { return "qsgd"; }

  // The second bound takes in that random numbers have 16 bits.
  Guarantee guarantee(std::size_t count) const override {
    const auto n = static_cast<double>(std::min(count, shape().bucket));
    const double s = shape().parameter;
    return {std::min(n / (4 * s * s), std::sqrt(n) / s + n / (s * s) * 0x1p-17), 0};
  }

 private:
  static constexpr std::size_t kUnitBytes = 4;

  bool knows(std::uint8_t levels) const override { return levels > 0 && levels <= kMostLevels; }

  std::size_t bucket_bytes(const Shape& shape, std::size_t count) const override {
    return kUnitBytes + (count * width_of(shape.parameter) + 7) / 8;
  }

  double norm_of(Floats in, float largest) const {
    if (norm_ == QsgdNorm::max) return largest;
    const float unit = binade_of(largest);
    return std::sqrt(double{sum_of_squares(in, 1 / unit)}) * unit;
  }

  void encode_bucket(Floats in, std::byte* out, const Place& place) const override {
    using namespace kernels;
    const std::uint8_t levels = shape().parameter;
    const float largest = largest_magnitude(in);
    auto unit = static_cast<float>(norm_of(in, largest) / levels);
    if (!std::isfinite(unit)) throw NumericError("the norm of a bucket is not finite");
    // Too small for an inverse: sent as zeros.
    if (unit < std::numeric_limits<float>::min()) unit = 0;
    float inverse = unit > 0 ? 1 / unit : 0;
    while (double{largest} * inverse > levels) inverse = std::nextafter(inverse, 0.0f);
    wire::store(out, unit);
    HWY_DYNAMIC_DISPATCH(encode_qsgd)
    (width_of(levels), in.data(), in.size(), inverse, out + kUnitBytes, place.key, place.begin);
  }

  void decode_bucket(const Shape& shape, const std::byte* bucket, std::size_t, std::size_t begin,
                     MutFloats out) const override {
    using namespace kernels;
    const unsigned width = width_of(shape.parameter);
    HWY_DYNAMIC_DISPATCH(decode_qsgd)
    (width, bucket + kUnitBytes + begin * width / 8, out.size(), wire::load<float>(bucket),
     out.data());
  }

  QsgdNorm norm_;
};

}  // namespace

std::unique_ptr<const ValueCodec> make_qsgd_codec(const QsgdOptions& options) {
  if (options.levels == 0 || options.levels > kMostLevels)
    throw ConfigError("levels", "a number from 1 to 127");
  return std::make_unique<const Qsgd>(options);
}

}  // namespace laconic
#endif  // HWY_ONCE
