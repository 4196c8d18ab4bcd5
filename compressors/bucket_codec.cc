#include "compressors/bucket_codec.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/check.h"
#include "base/errors.h"
#include "compressors/kernels/vectors.h"
#include "compressors/slices.h"
#include "compressors/wire/endian.h"

namespace laconic {

BucketCodec::BucketCodec(Head head, const Shape& shape) : head_(head), shape_(shape) {
  if (shape.bucket == 0 || shape.bucket % kStride != 0 || shape.bucket > kMaxBucket)
    throw ConfigError("bucket", "a multiple of " + std::to_string(kStride) + " up to " +
                                    std::to_string(kMaxBucket));
}

std::size_t BucketCodec::section_bytes(const Shape& shape, std::size_t count) const {
  if (count == 0) return 0;
  const std::size_t rest = count % shape.bucket;
  return head_bytes() + count / shape.bucket * bucket_bytes(shape, shape.bucket) +
         (rest == 0 ? 0 : bucket_bytes(shape, rest));
}

void BucketCodec::write_head(std::byte* out) const {
  if (head_.bucket) {
    wire::store(out, static_cast<std::uint16_t>(shape_.bucket / kStride));
    out += 2;
  }
  if (head_.parameter) wire::store(out, shape_.parameter);
}

BucketCodec::Shape BucketCodec::read_head(const std::byte* head) const {
  Shape shape = shape_;
  if (head_.bucket) {
    shape.bucket = wire::load<std::uint16_t>(head) * kStride;
    head += 2;
  }
  if (head_.parameter) shape.parameter = wire::load<std::uint8_t>(head);
  return shape;
}

void BucketCodec::validate(const wire::Section& section, std::size_t count) const {
  const auto require = [&](bool holds, const char* what) {
    if (!holds) throw WireError(section.offset, what);
  };
  if (count > 0) {
    require(section.bytes.size() >= head_bytes(), "cut short within the head of the values");
    const Shape shape = read_head(section.bytes.data());
    require(shape.bucket > 0 && shape.bucket <= kMaxBucket, "a bucket of no size that is known");
    require(knows(shape.parameter), "a parameter of the quantizer out of range");
    require(section.bytes.size() == section_bytes(shape, count),
            "the values' length does not fit their number");
  } else {
    require(section.bytes.empty(), "values where there are none");
  }
}

template <typename Encode>
void BucketCodec::encode_buckets(std::size_t count, wire::SectionWriter& out, const Site& site,
                                 const Encode& encode_one) const {
  if (count == 0) return;
  write_head(out.next(head_bytes()));
  const RngKey key = derive(site.own, static_cast<std::uint64_t>(id()));
  const auto encode_slice = [&](Slice slice, wire::SectionWriter& to) {
    for (std::size_t begin = slice.begin; begin < slice.end(); begin += shape_.bucket) {
      const std::size_t n = std::min(shape_.bucket, slice.end() - begin);
      encode_one(Slice{begin, n}, to.next(bucket_bytes(shape_, n)), Place{key, begin});
    }
  };
  if (!shared_by_threads(out.threads(), count)) {
    encode_slice({0, count}, out);
    return;
  }
  const std::size_t buckets = std::max<std::size_t>(1, kSlice / shape_.bucket);
  const std::size_t each = buckets * shape_.bucket;
  out.write_parts(buckets * bucket_bytes(shape_, shape_.bucket),
                  [&](std::size_t i, wire::SectionWriter& to) {
                    encode_slice({i * each, std::min(each, count - i * each)}, to);
                  });
}

void BucketCodec::encode(Floats in, wire::SectionWriter& out, const Site& site) const {
  encode_buckets(in.size(), out, site, [&](Slice bucket, std::byte* to, const Place& place) {
    encode_bucket(part(in, bucket), to, place);
  });
}

void BucketCodec::encode_residual(Floats gradient, MutFloats residual, Feedback feedback,
                                  wire::SectionWriter& out, const Site& site) const {
  encode_buckets(gradient.size(), out, site, [&](Slice bucket, std::byte* to, const Place& place) {
    std::array<float, kBucket> piece;
    const MutFloats v = part(residual, bucket);
    add_feedback(part(gradient, bucket), v, feedback, v);
    encode_bucket(v, to, place);
    for (std::size_t begin = 0; begin < v.size(); begin += kBucket) {
      const MutFloats left = v.subspan(begin, std::min(kBucket, v.size() - begin));
      const MutFloats sent = MutFloats(piece).first(left.size());
      decode_bucket(shape_, to, v.size(), begin, sent);
      subtract(left, sent, left);
    }
  });
}

void BucketCodec::decode(Bytes section, std::size_t count, std::size_t begin, MutFloats out) const {
  if (out.empty()) return;
  const Shape shape = read_head(section.data());
  const std::size_t whole = bucket_bytes(shape, shape.bucket);
  while (!out.empty()) {
    const std::size_t bucket = begin / shape.bucket, within = begin % shape.bucket;
    const std::size_t in_bucket = std::min(shape.bucket, count - bucket * shape.bucket);
    const std::size_t n = std::min(out.size(), in_bucket - within);
    decode_bucket(shape, section.data() + head_bytes() + bucket * whole, in_bucket, within,
                  out.first(n));
    begin += n;
    out = out.subspan(n);
  }
}

}  // namespace laconic
