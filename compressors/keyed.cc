#include "compressors/keyed.h"

#include <algorithm>

#include "base/errors.h"
#include "compressors/kernels/vectors.h"
#include "compressors/wire/endian.h"
#include "compressors/wire/frame.h"

namespace laconic {
namespace {

constexpr std::size_t kKeyBytes = 16;

}  // namespace

KeyedCompressor::KeyedCompressor(wire::Selection selection, bool shared,
                                 std::unique_ptr<const ValueCodec> codec, const FrameOptions& frame)
    : selection_(selection), shared_(shared), frame_(frame), codec_(std::move(codec)) {}

Guarantee KeyedCompressor::compose_values(const Guarantee& selection, std::size_t count) const {
  if (count == 0) return {0, 1};
  return compose(selection, codec_->guarantee(most_kept(count)));
}

std::size_t KeyedCompressor::max_bytes(std::size_t count) const {
  return wire::frame_bytes(kKeyBytes + place_bytes(), codec_->bytes(most_kept(count)),
                           frame_.checksum);
}

// What was drawn is in memory of the site's scratch.
KeyedCompressor::Written KeyedCompressor::write(Floats in, MutBytes out, const Site& site) const {
  wire::FrameWriter frame(out, selection_, in.size(), frame_);
  const RngKey key = shared_ ? site.shared : site.own;
  std::byte* const place = &frame.room()[kKeyBytes];
  wire::store(&frame.room()[0], key.hi);
  wire::store(&frame.room()[8], key.lo);
  write_place(site, place);
  frame.indices(wire::Coding::key, kKeyBytes + place_bytes());

  const auto indices = draw(key, {Bytes(place, place_bytes())}, in.size(), site.scratch);
  const MutFloats values = site.scratch.take<float>(indices.size());
  for (std::size_t i = 0; i < indices.size(); ++i) values[i] = in[indices[i]];
  scale(values, in.size());
  codec_->encode(values, frame.values(codec_->id(), codec_->bytes(values.size()), site.scratch),
                 site);
  const std::size_t bytes = frame.finish();
  // What a reader makes of them, which is not always the same.
  codec_->decode(frame.payload(), values.size(), 0, values);
  return {{indices, values}, bytes};
}

std::size_t KeyedCompressor::encode(Floats in, MutBytes out, const Site& site) const {
  require_finite(in, frame_.threads);
  const Scratch::Scope scope(site.scratch);
  return write(in, out, site).bytes;
}

std::size_t KeyedCompressor::encode_residual(Floats gradient, MutFloats residual, Feedback feedback,
                                             MutBytes out, const Site& site) const {
  add_feedback(gradient, residual, feedback, residual, frame_.threads);
  const Scratch::Scope scope(site.scratch);
  const Written written = write(residual, out, site);
  const auto& [indices, sent] = written.drawn;
  for (std::size_t i = 0; i < indices.size(); ++i) residual[indices[i]] -= sent[i];
  return written.bytes;
}

// Calls visit(indices, values) for each frame. Frames that share a key, as those of all ranks may,
// share the drawing.
template <typename Visit>
void KeyedCompressor::read(std::span<const Bytes> frames, std::size_t count,
                           const Visit& visit) const {
  Scratch scratch;
  Bytes drawn_for;
  std::span<const std::uint32_t> indices;
  for (const Bytes bytes : frames) {
    const wire::Frame frame = wire::read_frame(bytes, selection_, codec_->id(), count);
    const auto& [section, offset] = frame.indices;
    if (frame.coding != wire::Coding::key || section.size() != kKeyBytes + place_bytes())
      throw WireError(offset, "a key was expected");
    if (drawn_for.empty() || !std::ranges::equal(drawn_for, section)) {
      const RngKey key{wire::load<std::uint64_t>(&section[0]),
                       wire::load<std::uint64_t>(&section[8])};
      indices = draw(key, {section.subspan(kKeyBytes), offset + kKeyBytes}, count, scratch);
      drawn_for = section;
    }
    codec_->validate(frame.payload, indices.size());
    const Scratch::Scope scope(scratch);
    const MutFloats values = scratch.take<float>(indices.size());
    codec_->decode(frame.payload.bytes, indices.size(), 0, values);
    visit(indices, Floats(values));
  }
}

void KeyedCompressor::decode(Bytes bytes, MutFloats out) const {
  std::ranges::fill(out, 0.0f);
  read({&bytes, 1}, out.size(), [out](std::span<const std::uint32_t> indices, Floats values) {
    for (std::size_t i = 0; i < indices.size(); ++i) out[indices[i]] = values[i];
  });
}

void KeyedCompressor::decode_add(Bytes bytes, float scale, MutFloats sum) const {
  decode_add_all({&bytes, 1}, scale, sum);
}

void KeyedCompressor::decode_add_all(std::span<const Bytes> frames, float scale,
                                     MutFloats sum) const {
  read(frames, sum.size(), [sum, scale](std::span<const std::uint32_t> indices, Floats values) {
    for (std::size_t i = 0; i < indices.size(); ++i) sum[indices[i]] += scale * values[i];
  });
}

}  // namespace laconic
