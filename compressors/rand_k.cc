// Rand-k: k coordinates drawn from a key, which travels instead of them.
#include <algorithm>
#include <limits>

#include "base/check.h"
#include "base/errors.h"
#include "compressors/kernels/random_indices.h"
#include "compressors/kernels/vectors.h"
#include "compressors/makers.h"
#include "compressors/wire/endian.h"
#include "compressors/wire/frame.h"

namespace laconic {
namespace {

constexpr std::size_t kKeyBytes = 16;

class RandK final : public Compressor {
 public:
  RandK(const RandKOptions& options, const FrameOptions& frame)
      : density_(options.density),
        unbiased_(options.unbiased),
        shared_(options.shared),
        checksum_(frame.checksum),
        codec_(make_value_codec(options.values,
                                options.unbiased ? Rounding::stochastic : Rounding::nearest)) {}

  std::string_view name() const override { return "rand_k"; }
  bool fixed_size() const override { return codec_->fixed_size(); }

  Guarantee guarantee(std::size_t count) const override {
    if (count == 0) return {0, 1};
    const std::size_t kept = kept_elements(density_, count);
    const double part = static_cast<double>(kept) / static_cast<double>(count);
    const Guarantee selection = unbiased_
                                    ? Guarantee{1 / part - 1, 0}
                                    : Guarantee{std::numeric_limits<double>::infinity(), part};
    return compose(selection, codec_->guarantee(kept));
  }

  std::size_t max_bytes(std::size_t count) const override {
    return wire::frame_bytes(kKeyBytes, codec_->max_bytes(kept_elements(density_, count)),
                             checksum_);
  }

  std::size_t encode(Floats in, MutBytes out, const Site& site) const override {
    require_finite(in);
    const Scratch::Scope scope(site.scratch);
    const RngKey key = shared_ ? site.shared : site.own;
    const auto indices = site.scratch.take<std::uint32_t>(kept_elements(density_, in.size()));
    random_subset(key, in.size(), indices, site.scratch);
    const MutFloats values = site.scratch.take<float>(indices.size());
    const float scale = unbiased_ ? scale_of(in.size()) : 1;
    for (std::size_t i = 0; i < indices.size(); ++i) values[i] = scale * in[indices[i]];

    wire::FrameWriter frame(out, wire::Selection::rand_k, in.size(), checksum_);
    wire::store(&frame.room()[0], key.hi);
    wire::store(&frame.room()[8], key.lo);
    frame.indices(wire::Coding::key, kKeyBytes);
    frame.values(codec_->id(), codec_->encode(values, frame.room(), site));
    return frame.finish();
  }

  void decode(Bytes bytes, MutFloats out) const override {
    std::ranges::fill(out, 0.0f);
    visit(bytes, out.size(), [out](std::size_t index, float value) { out[index] = value; });
  }

  void decode_add(Bytes bytes, float scale, MutFloats sum) const override {
    visit(bytes, sum.size(),
          [sum, scale](std::size_t index, float value) { sum[index] += scale * value; });
  }

 private:
  float scale_of(std::size_t count) const {
    return static_cast<float>(static_cast<double>(count) /
                              static_cast<double>(kept_elements(density_, count)));
  }

  template <typename Visit>
  void visit(Bytes bytes, std::size_t count, Visit visit_one) const {
    const wire::Frame frame = wire::read_frame(bytes, wire::Selection::rand_k, codec_->id(), count);
    if (frame.coding != wire::Coding::key || frame.indices.bytes.size() != kKeyBytes)
      throw WireError(frame.indices.offset, "a key was expected");
    const std::size_t kept = kept_elements(density_, count);
    codec_->validate(frame.payload, kept);
    Scratch scratch;
    const auto indices = scratch.take<std::uint32_t>(kept);
    const std::byte* key = frame.indices.bytes.data();
    random_subset({wire::load<std::uint64_t>(key), wire::load<std::uint64_t>(key + 8)}, count,
                  indices, scratch);
    const MutFloats values = scratch.take<float>(kept);
    codec_->decode(frame.payload.bytes, kept, 0, values);
    for (std::size_t i = 0; i < kept; ++i) visit_one(indices[i], values[i]);
  }

  double density_;
  bool unbiased_, shared_, checksum_;
  std::unique_ptr<const ValueCodec> codec_;
};

}  // namespace

std::unique_ptr<const Compressor> make_rand_k(const RandKOptions& options,
                                              const FrameOptions& frame) {
  require_density(options.density);
  return std::make_unique<const RandK>(options, frame);
}

}  // namespace laconic
