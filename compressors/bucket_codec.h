#pragma once

#include <cstdint>

#include "compressors/wire/value_codec.h"

namespace laconic {

/// A quantizer that cuts its values into buckets and codes each by itself, beside what it takes to
/// read it back: a scale, say. The length depends on the number of values only.
///
/// A section is a head, which says what a reader cannot know, then the buckets in order; of no
/// values it is empty. Since a bucket fits the first cache, a quantizer may pass over it more than
/// once and the vector is still read once: encode_residual forms the sum of gradient and residual,
/// codes it, and leaves the difference, bucket by bucket.
class BucketCodec : public ValueCodec {
 public:
  std::size_t bytes(std::size_t count) const final { return section_bytes(shape_, count); }
  void encode(Floats in, wire::SectionWriter& out, const Site& site) const final;
  void encode_residual(Floats gradient, MutFloats residual, Feedback feedback,
                       wire::SectionWriter& out, const Site& site) const final;
  void validate(const wire::Section& section, std::size_t count) const final;
  void decode(Bytes section, std::size_t count, std::size_t begin, MutFloats out) const final;

  static constexpr std::size_t kBucket = 16 * kStride;  ///< Where nobody chooses: 4 KiB of floats.
  static constexpr std::size_t kMaxBucket = 1024 * kStride;

 protected:
  /// What sections begin with: nothing, or the bucket's size in strides (16 bits), or a parameter
  /// of the rule (8 bits), or both in this order.
  struct Head {
    bool bucket = false;
    bool parameter = false;
  };
  struct Shape {
    std::size_t bucket = kBucket;  ///< Values in every bucket but the last: a multiple of kStride.
    std::uint8_t parameter = 0;
  };
  /// Throws ConfigError("bucket") unless it is a multiple of kStride up to kMaxBucket.
  BucketCodec(Head head, const Shape& shape);

  /// Where a bucket's values stand in the vector, and the stream its random choices come from.
  struct Place {
    RngKey key;
    std::size_t begin;
  };
  const Shape& shape() const { return shape_; }

  virtual bool knows(std::uint8_t parameter) const { return parameter == 0; }
  virtual std::size_t bucket_bytes(const Shape& shape, std::size_t count) const = 0;

  /// bucket_bytes into `out`, all of them, and not one beyond. `in` is not empty. NumericError
  /// unless all is finite.
  virtual void encode_bucket(Floats in, std::byte* out, const Place& place) const = 0;

  /// Values [begin, begin + out.size()) of a bucket of `count`, limits as in ValueCodec::decode.
  virtual void decode_bucket(const Shape& shape, const std::byte* bucket, std::size_t count,
                             std::size_t begin, MutFloats out) const = 0;

 private:
  std::size_t head_bytes() const { return (head_.bucket ? 2 : 0) + (head_.parameter ? 1 : 0); }
  std::size_t section_bytes(const Shape& shape, std::size_t count) const;
  void write_head(std::byte* out) const;
  Shape read_head(const std::byte* head) const;
  template <typename Encode>
  void encode_buckets(std::size_t count, wire::SectionWriter& out, const Site& site,
                      const Encode& encode_one) const;

  Head head_;
  Shape shape_;
};

}  // namespace laconic
