#include "compressors/sparse.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "base/check.h"
#include "base/errors.h"
#include "compressors/kernels/vectors.h"
#include "compressors/slices.h"
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
    : selection_(selection), coding_(coding), codec_(std::move(codec)), frame_(frame) {}

wire::IndexPlan SparseCompressor::plan_selected(std::size_t kept, std::size_t count) const {
  return wire::plan_indices(kept, count, coding_);
}

std::size_t SparseCompressor::max_list_bytes(std::size_t kept, std::size_t count) const {
  const std::size_t indices = wire::plan_indices(kept, count, coding_).max_bytes;
  return wire::frame_bytes(indices, codec_->bytes(kept), frame_.checksum);
}

// A vector with zeros may keep fewer than the most, which takes fewer bytes, but for one step: all
// coordinates need no indices, all but one do.
std::size_t SparseCompressor::max_bytes(std::size_t count) const {
  const std::size_t most = most_kept(count);
  const std::size_t selected =
      wire::frame_bytes(plan_selected(most, count).max_bytes, codec_->bytes(most), frame_.checksum);
  return std::max(selected, max_list_bytes(most - std::min<std::size_t>(most, 1), count));
}

SparseCompressor::Written SparseCompressor::write(const Kept& kept, const wire::IndexPlan& plan,
                                                  std::size_t count, MutBytes out,
                                                  const Site& site) const {
  wire::FrameWriter frame(out, selection_, count, frame_);
  frame.indices(plan.coding, wire::write_indices(plan, kept.indices, count, frame.room()));
  const std::size_t value_bytes = codec_->bytes(kept.values.size());
  codec_->encode(kept.values, frame.values(codec_->id(), value_bytes, site.scratch), site);
  const std::size_t bytes = frame.finish();
  return {bytes, frame.payload()};
}

std::size_t SparseCompressor::encode(Floats in, MutBytes out, const Site& site) const {
  const Scratch::Scope scope(site.scratch);
  const Kept kept = select(in, site.scratch);
  return write(kept, plan_selected(kept.indices.size(), in.size()), in.size(), out, site).bytes;
}

// A frame's indices and values in pieces.
class SparseCompressor::Reader {
 public:
  Reader(const SparseCompressor& compressor, Bytes bytes, std::size_t count)
      : codec_(*compressor.codec_),
        frame_(wire::read_frame(bytes, compressor.selection_, codec_.id(), count)),
        indices_(frame_.coding, frame_.indices, count) {
    codec_.validate(frame_.payload, indices_.kept());
  }

  std::size_t kept() const { return indices_.kept(); }

  // The next piece, valid until the next call; empty at the end.
  Kept next() {
    const auto indices = indices_.next();
    const MutFloats values = MutFloats(values_).first(indices.size());
    codec_.decode(frame_.payload.bytes, indices_.kept(), done_, values);
    done_ += indices.size();
    return {indices, values};
  }

 private:
  const ValueCodec& codec_;
  wire::Frame frame_;
  wire::IndexReader indices_;
  std::size_t done_ = 0;
  std::array<float, wire::IndexReader::kPiece> values_;
};

// Calls visit(indices, values) for one piece after another.
template <typename Visit>
void SparseCompressor::read(Bytes bytes, std::size_t count, Visit visit) const {
  Reader reader(*this, bytes, count);
  for (Kept piece = reader.next(); !piece.indices.empty(); piece = reader.next())
    visit(piece.indices, piece.values);
}

std::size_t SparseCompressor::encode_residual(Floats gradient, MutFloats residual,
                                              Feedback feedback, MutBytes out,
                                              const Site& site) const {
  const Scratch::Scope scope(site.scratch);
  const ValueLoss loss = codec_->loss();
  const Kept kept = take(gradient, residual, feedback, loss ? loss : lose_nothing, site.scratch);
  const Written written =
      write(kept, plan_selected(kept.indices.size(), residual.size()), residual.size(), out, site);
  if (!loss) leave_what_readers_lose(kept, written.values, residual);
  return written.bytes;
}

// What values lose together, in buckets, is known only when they have been written.
void SparseCompressor::leave_what_readers_lose(const Kept& kept, Bytes section,
                                               MutFloats residual) const {
  constexpr std::size_t kPiece = wire::IndexReader::kPiece;
  std::array<float, kPiece> memory;
  for (std::size_t begin = 0; begin < kept.values.size(); begin += kPiece) {
    const MutFloats sent = MutFloats(memory).first(std::min(kPiece, kept.values.size() - begin));
    codec_->decode(section, kept.values.size(), begin, sent);
    for (std::size_t i = 0; i < sent.size(); ++i)
      residual[kept.indices[begin + i]] = kept.values[begin + i] - sent[i];
  }
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

// Together, frames touch most cache lines of the sum, and one after another they would fetch each
// line many times. So all of them add to one range of the sum, which the second cache holds,
// before any goes on to the next. Meanwhile that one is fetched, a line with each addition: they
// stand where nothing can foresee, and each would wait for memory by itself.
void SparseCompressor::decode_add_all(std::span<const Bytes> frames, float scale,
                                      MutFloats sum) const {
  if (frames.size() > 1 && shared_by_threads(threads(), sum.size()))
    return decode_add_by_threads(frames, scale, sum);
  constexpr std::size_t kRange = std::size_t{1} << 15, kLine = 64 / sizeof(float);
  struct Cursor {
    explicit Cursor(const Reader& of) : reader(of) {}
    Reader reader;
    Kept piece;
    std::size_t at = 0;
  };
  std::vector<Cursor> cursors;
  cursors.reserve(frames.size());
  std::size_t additions = 0;
  for (const Bytes bytes : frames) {
    Cursor& cursor = cursors.emplace_back(Reader(*this, bytes, sum.size()));
    additions += cursor.reader.kept();
    cursor.piece = cursor.reader.next();
  }
  // Fewer would fetch lines that none of them needs, and not be there in time.
  const bool dense = additions * kLine > sum.size();
  for (std::size_t begin = 0; begin < sum.size(); begin += kRange) {
    const std::size_t end = begin + kRange;
    const float* ahead = sum.data() + std::min(end, sum.size());
    const float* const stop = dense ? sum.data() + std::min(end + kRange, sum.size()) : ahead;
    for (Cursor& cursor : cursors)
      while (!cursor.piece.indices.empty()) {
        const auto& [indices, values] = cursor.piece;
        std::size_t i = cursor.at;
        for (; i < indices.size() && indices[i] < end; ++i) {
          if (ahead < stop) __builtin_prefetch(ahead, 1, 2), ahead += kLine;
          sum[indices[i]] += scale * values[i];
        }
        cursor.at = i;
        if (i < indices.size()) break;
        cursor.piece = cursor.reader.next();
        cursor.at = 0;
      }
  }
}

// A frame is read from its begin to its end, so a thread reads all of one; then each adds up what
// falls into slices of its own, in the order of frames. Of a single frame that would take longer.
void SparseCompressor::decode_add_by_threads(std::span<const Bytes> frames, float scale,
                                             MutFloats sum) const {
  std::vector<SparseList> lists(frames.size());
  parallel_for(threads(), frames.size(),
               [&](std::size_t i) { decode_list(frames[i], sum.size(), lists[i]); });
  for_slices(threads(), sum.size(), [&](Slice slice) {
    for (const auto& [indices, values] : lists) {
      auto i = static_cast<std::size_t>(std::ranges::lower_bound(indices, slice.begin) -
                                        indices.begin());
      for (; i < indices.size() && indices[i] < slice.end(); ++i)
        sum[indices[i]] += scale * values[i];
    }
  });
}

void SparseCompressor::select_residual(Floats gradient, MutFloats residual, Feedback feedback,
                                       SparseList& out, const Site& site) const {
  const Scratch::Scope scope(site.scratch);
  const Kept kept = take(gradient, residual, feedback, lose_nothing, site.scratch);
  out.indices.assign(kept.indices.begin(), kept.indices.end());
  out.values.assign(kept.values.begin(), kept.values.end());
}

std::size_t SparseCompressor::encode_list(const SparseList& list, std::size_t count, MutBytes out,
                                          const Site& site) const {
  check(list.indices.size() == list.values.size(), "an index for each value");
  return write({list.indices, list.values}, wire::plan_indices(list.indices.size(), count, coding_),
               count, out, site)
      .bytes;
}

void SparseCompressor::decode_list(Bytes bytes, std::size_t count, SparseList& out) const {
  Reader reader(*this, bytes, count);
  out.indices.clear();
  out.values.clear();
  out.indices.reserve(reader.kept());
  out.values.reserve(reader.kept());
  for (Kept piece = reader.next(); !piece.indices.empty(); piece = reader.next()) {
    out.indices.insert(out.indices.end(), piece.indices.begin(), piece.indices.end());
    out.values.insert(out.values.end(), piece.values.begin(), piece.values.end());
  }
}

}  // namespace laconic
