// two_bit: four bins over three standard deviations either side of zero, and for each bin of a
// bucket the mean of what fell into it (SparseLoCo, Sarfi et al., 2025, without its shift by the
// mean: a bin then holds values of one sign).
//
//   values := bucket:u16 bucket*         bucket in units of 64 values
//   bucket := means bits(2)*             means: four bf16; the bins below -1.5 sigma, below 0,
//                                        below 1.5 sigma, and the rest, sigma² the mean of squares
//
// With S_b the sum of magnitudes of a bin and n_b their number, sum S_b² / n_b of |x|² is kept: at
// least |x|² / n, as each bin has one sign. Of the inner bins, the positive and the negative outer
// one, one has a third of |x|². The inner bins then keep 1/20.25 of it, since S >= |x_b|² / 1.5
// sigma; an outer one keeps 1.5 sigma S >= 1.5 sigma |x_b| = 0.866 |x|² / √n.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compressors/two_bit.cc"
#include <hwy/foreach_target.h>

#include <bit>

#include "compressors/kernels/strides-inl.h"

HWY_BEFORE_NAMESPACE();
namespace laconic::kernels::HWY_NAMESPACE {

// Writes the codes, and to `sums` and `counts` what fell into each bin, with values times `scale`.
void encode_two_bit(const float* in, std::size_t n, float scale, float edge, std::byte* out,
                    float* sums, std::size_t* counts) {
  const F32 zero = splat(0.0f);
  F32 total[4] = {zero, zero, zero, zero};
  std::size_t count[4] = {};
  encode_strides<2>(in, n, out, [&](const float* x, std::byte* to) LACONIC_LAMBDA {
    std::uint8_t codes[kStride];
    for (std::size_t j = 0; j < kStride; j += kLanes) {
      const F32 v = load(x + j) * splat(scale), size = float_of(magnitude(v));
      const F32 inner = if_less(size, splat(edge), v, zero), outer = v - inner;
      total[0] = total[0] + min(outer, zero);
      total[1] = total[1] + min(inner, zero);
      total[2] = total[2] + max(inner, zero);
      total[3] = total[3] + max(outer, zero);
      const U32 negative = shift_right<31>(bits_of(v));
      const U32 is_outer = if_less(size, splat(edge), splat(0u), splat(1u));
      const U32 upper = shift_left<1>(splat(1u) - negative);
      store_narrow<std::uint8_t>(upper | exclusive_or(is_outer, negative, splat(0u)), codes + j);
    }
    pack_stride<2>(codes, to);
    for (int half = 0; half < 2; ++half) {
      std::uint64_t word;
      std::memcpy(&word, to + 8 * half, 8);
      const std::uint64_t low = word & 0x5555555555555555, high = word >> 1 & 0x5555555555555555;
      count[3] += static_cast<std::size_t>(std::popcount(low & high));
      count[1] += static_cast<std::size_t>(std::popcount(low & ~high));
      count[0] += static_cast<std::size_t>(32 - std::popcount(low | high));
    }
  });
  // What fills up the last stride is among these.
  count[2] = n - count[0] - count[1] - count[3];
  for (int b = 0; b < 4; ++b) sums[b] = sum(total[b]), counts[b] = count[b];
}

void decode_two_bit(const std::byte* in, std::size_t n, const float* means, float* out) {
  // A choice between four by two bits, as sums without carry.
  const auto mean = [means](int b) { return bits_of(splat(means[b])); };
  const U32 zero = splat(0u);
  const U32 low_only = exclusive_or(mean(0), mean(1), zero);
  const U32 high_only = exclusive_or(mean(0), mean(2), zero);
  const U32 both = exclusive_or(low_only, mean(2), mean(3));
  decode_strides<2>(in, n, out, [&](const std::byte* from, float* to) LACONIC_LAMBDA {
    std::uint8_t codes[kStride];
    unpack_stride<2>(from, codes);
    for (std::size_t j = 0; j < kStride; j += kLanes) {
      const U32 code = load_narrow<std::uint8_t>(codes + j);
      const U32 low = zero - (code & splat(1u)), high = zero - shift_right<1>(code);
      const U32 one = exclusive_or(mean(0), low & low_only, high & high_only);
      store(float_of(exclusive_or(one, low & high & both, zero)), to + j);
    }
  });
}

}  // namespace laconic::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <limits>

#include "compressors/bf16.h"
#include "compressors/bucket_codec.h"
#include "compressors/codec_makers.h"
#include "compressors/kernels/vectors.h"
#include "compressors/wire/endian.h"

namespace laconic {
namespace kernels {

HWY_EXPORT(encode_two_bit);
HWY_EXPORT(decode_two_bit);

}  // namespace kernels

namespace {

constexpr int kBins = 4;

class TwoBit final : public BucketCodec {
 public:
  explicit TwoBit(const TwoBitOptions& options)
      : BucketCodec({.bucket = true}, {.bucket = options.bucket}) {}

  wire::Values id() const override { return wire::Values::two_bit; }
  std::string_view name() const override { return "two_bit"; }

  // A mean in bf16 is right to one part in 2^9.
  Guarantee guarantee(std::size_t count) const override {
    if (count == 0) return {0, 1};
    const auto n = static_cast<double>(std::min(count, shape().bucket));
    const double kept = std::max(1 / n, std::min(0.86 / std::sqrt(n), 1.0 / 21));
    return {std::numeric_limits<double>::infinity(), kept * (1 - 0x1p-16)};
  }

 private:
  static constexpr std::size_t kMeansBytes = 2 * kBins;

  std::size_t bucket_bytes(const Shape&, std::size_t count) const override {
    return kMeansBytes + (count + 3) / 4;
  }

  void encode_bucket(Floats in, std::byte* out, const Place&) const override {
    using namespace kernels;
    // Sums and squares of values below 4 stay far from the limits of a float.
    const float unit = binade_of(largest_magnitude(in));
    const float squares = sum_of_squares(in, 1 / unit);
    const float sigma = std::sqrt(squares / static_cast<float>(in.size()));
    const float edge = std::max(1.5f * sigma, std::numeric_limits<float>::min());
    float sums[kBins];
    std::size_t counts[kBins];
    HWY_DYNAMIC_DISPATCH(encode_two_bit)
    (in.data(), in.size(), 1 / unit, edge, out + kMeansBytes, sums, counts);
    for (std::size_t b = 0; b < kBins; ++b) {
      const float mean = counts[b] == 0 ? 0 : sums[b] / static_cast<float>(counts[b]) * unit;
      wire::store(out + 2 * b, to_bf16(mean));
    }
  }

  void decode_bucket(const Shape&, const std::byte* bucket, std::size_t, std::size_t begin,
                     MutFloats out) const override {
    using namespace kernels;
    float means[kBins];
    for (std::size_t b = 0; b < kBins; ++b)
      means[b] = from_bf16(wire::load<std::uint16_t>(bucket + 2 * b));
    HWY_DYNAMIC_DISPATCH(decode_two_bit)
    (bucket + kMeansBytes + begin / 4, out.size(), means, out.data());
  }
};

}  // namespace

std::unique_ptr<const ValueCodec> make_two_bit_codec(const TwoBitOptions& options) {
  return std::make_unique<const TwoBit>(options);
}

}  // namespace laconic
#endif  // HWY_ONCE
