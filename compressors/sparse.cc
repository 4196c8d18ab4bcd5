#include "compressors/sparse.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/check.h"
#include "base/errors.h"
#include "compressors/wire/frame.h"
#include "compressors/wire/indices.h"

namespace laconic {

std::size_t kept_elements(double density, std::size_t count) {
  if (count == 0) return 0;
  const auto kept = static_cast<std::size_t>(std::llround(density * static_cast<double>(count)));
  return std::clamp<std::size_t>(kept, 1, count);
}

SparseCompressor::SparseCompressor(wire::Selection selection, IndexCoding coding,
                                   std::unique_ptr<const ValueCodec> codec,
                                   const FrameOptions& frame)
    : selection_(selection), coding_(coding), codec_(std::move(codec)), checksum_(frame.checksum) {}

std::size_t SparseCompressor::max_list_bytes(std::size_t kept, std::size_t count) const {
  const std::size_t indices = wire::plan_indices(kept, count, coding_).max_bytes;
  return wire::frame_bytes(indices, codec_->max_bytes(kept), checksum_);
}

// A vector with zeros may keep fewer than the most, which takes fewer bytes, but for one step: all
// coordinates need no indices, all but one do.
std::size_t SparseCompressor::max_bytes(std::size_t count) const {
  const std::size_t most = most_kept(count);
  return std::max(max_list_bytes(most, count),
                  max_list_bytes(most - std::min<std::size_t>(most, 1), count));
}

std::size_t SparseCompressor::write(const Kept& kept, std::size_t count, MutBytes out,
                                    const Site& site) const {
  const wire::IndexPlan plan = wire::plan_indices(kept.indices.size(), count, coding_);
  wire::FrameWriter frame(out, selection_, count, checksum_);
  frame.indices(plan.coding, wire::write_indices(plan, kept.indices, count, frame.room()));
  frame.values(codec_->id(), codec_->encode(kept.values, frame.room(), site));
  return frame.finish();
}

std::size_t SparseCompressor::encode(Floats in, MutBytes out, const Site& site) const {
  const Scratch::Scope scope(site.scratch);
  return write(select(in, site.scratch), in.size(), out, site);
}

// Calls visit(indices, values) for one piece after another.
template <typename Visit>
void SparseCompressor::read(Bytes bytes, std::size_t count, Visit visit) const {
  const wire::Frame frame = wire::read_frame(bytes, selection_, codec_->id(), count);
  wire::IndexReader indices(frame.coding, frame.indices, count);
  const std::size_t kept = indices.kept();
  codec_->validate(frame.payload, kept);
  std::array<float, wire::IndexReader::kPiece> values;
  for (std::size_t done = 0; done < kept;) {
    const auto piece = indices.next();
    const MutFloats decoded = MutFloats(values).first(piece.size());
    codec_->decode(frame.payload.bytes, kept, done, decoded);
    visit(piece, Floats(decoded));
    done += piece.size();
  }
}

std::size_t SparseCompressor::encode_residual(Floats gradient, MutFloats residual,
                                              Feedback feedback, MutBytes out,
                                              const Site& site) const {
  const Scratch::Scope scope(site.scratch);
  const Kept kept = take(gradient, residual, feedback, site.scratch);
  const std::size_t bytes = write(kept, residual.size(), out, site);
  // What the values lost on the wire stays in the residual.
  std::size_t done = 0;
  read(out.first(bytes), residual.size(), [&](std::span<const std::uint32_t> indices, Floats sent) {
    for (std::size_t i = 0; i < indices.size(); ++i)
      residual[indices[i]] = kept.values[done + i] - sent[i];
    done += indices.size();
  });
  return bytes;
}

void SparseCompressor::decode(Bytes bytes, MutFloats out) const {
  std::ranges::fill(out, 0.0f);
  read(bytes, out.size(), [out](std::span<const std::uint32_t> indices, Floats values) {
    for (std::size_t i = 0; i < indices.size(); ++i) out[indices[i]] = values[i];
  });
}

void SparseCompressor::decode_add(Bytes bytes, float scale, MutFloats sum) const {
  read(bytes, sum.size(), [=](std::span<const std::uint32_t> indices, Floats values) {
    for (std::size_t i = 0; i < indices.size(); ++i) sum[indices[i]] += scale * values[i];
  });
}

void SparseCompressor::select_residual(Floats gradient, MutFloats residual, Feedback feedback,
                                       SparseList& out, const Site& site) const {
  const Scratch::Scope scope(site.scratch);
  const Kept kept = take(gradient, residual, feedback, site.scratch);
  out.indices.assign(kept.indices.begin(), kept.indices.end());
  out.values.assign(kept.values.begin(), kept.values.end());
}

std::size_t SparseCompressor::encode_list(const SparseList& list, std::size_t count, MutBytes out,
                                          const Site& site) const {
  check(list.indices.size() == list.values.size(), "an index for each value");
  return write({list.indices, list.values}, count, out, site);
}

void SparseCompressor::decode_list(Bytes bytes, std::size_t count, SparseList& out) const {
  out.indices.clear();
  out.values.clear();
  read(bytes, count, [&out](std::span<const std::uint32_t> indices, Floats values) {
    out.indices.insert(out.indices.end(), indices.begin(), indices.end());
    out.values.insert(out.values.end(), values.begin(), values.end());
  });
}

}  // namespace laconic
