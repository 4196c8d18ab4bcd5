#include "compressors/kernels/candidates.h"

#include <algorithm>
#include <array>

#include "base/errors.h"
#include "compressors/kernels/compact.h"
#include "compressors/kernels/scan.h"
#include "compressors/kernels/select_key.h"
#include "compressors/kernels/vectors.h"

namespace laconic::kernels {
namespace {

// What is scanned and then collected stays in the first level of cache between the two.
constexpr std::size_t kPiece = 2048;

}  // namespace

// A part may hold all of the k largest. It seldom does, and memory that is not used costs nothing.
Candidates::Candidates(Slice part, std::size_t k, Scratch& scratch)
    : part_(part),
      k_(k),
      room_(std::min(part.count, 2 * k + (std::size_t{1} << 16)) + kPiece),
      values_(scratch.take<float>(room_)),
      band_values_(scratch.take<float>(room_ + kCompactSlack)),
      indices_(scratch.take<std::uint32_t>(room_ + kPositionSlack)),
      band_indices_(scratch.take<std::uint32_t>(room_ + kCompactSlack)) {}

void Candidates::find(const Source& source, Bounds bounds) {
  bounds_ = bounds;
  found_ = in_band_ = 0;
  for (std::size_t begin = part_.begin; begin < part_.end(); begin += kPiece) {
    const std::size_t n = std::min(kPiece, part_.end() - begin);
    if (room_ - found_ < n) make_room(source);
    const auto base = static_cast<std::uint32_t>(begin);
    std::uint32_t* out = indices_.data() + found_;
    collect(source, source.gradient.empty()
                        ? scan(source.in.subspan(begin, n), bounds_.low, base, out)
                        : scan_feedback(source.gradient.subspan(begin, n),
                                        source.residual.subspan(begin, n), source.feedback,
                                        bounds_.low, base, out));
  }
}

// The next `count` of indices_ are candidates. Nothing here branches on the numbers: a processor
// would guess wrong too often. So all of them are taken out, and those in the band put back.
void Candidates::collect(const Source& source, std::size_t count) {
  const std::span<const std::uint32_t> indices = indices_.subspan(found_, count);
  float* const values = &values_[found_];
  if (source.takes_out()) {
    std::array<float, kPiece> lost;
    for (std::size_t c = 0; c < count; ++c) values[c] = source.residual[indices[c]];
    source.loss({values, count}, MutFloats(lost).first(count));
    for (std::size_t c = 0; c < count; ++c) source.residual[indices[c]] = lost[c];
  } else {
    for (std::size_t c = 0; c < count; ++c) values[c] = source.in[indices[c]];
  }
  const Copied band = copy_below({values, count}, indices, bounds_.high, &band_values_[in_band_],
                                 &band_indices_[in_band_]);
  if (band.largest >= kInfinityKey) throw NumericError("a vector to compress is not finite");
  found_ += count;
  const std::size_t end = in_band_ + band.count;
  for (; in_band_ < end; ++in_band_)
    if (source.takes_out()) source.residual[band_indices_[in_band_]] = band_values_[in_band_];
}

// Of too many candidates the k largest so far are kept; who comes later loses a tie.
void Candidates::make_room(const Source& source) {
  // The band is copied anew afterwards: until then, keys may have its memory.
  const auto keys = band_indices_.first(found_);
  std::ranges::transform(values(), keys.begin(), magnitude_key);
  const RankedKey threshold = select_key(keys, k_);
  drop(source, threshold.key, k_ - threshold.above);
  bounds_.low = threshold.key + 1;
  in_band_ = copy_below(values(), indices_.first(found_), bounds_.high, band_values_.data(),
                        band_indices_.data())
                 .count;
}

void Candidates::keep(const Source& source, std::uint32_t threshold, std::size_t ties) {
  if (source.takes_out() && threshold < bounds_.high) leave_band(source, threshold, ties);
  drop(source, threshold, ties);
}

// What has left the residual for sure, and is dropped after all, goes back.
void Candidates::drop(const Source& source, std::uint32_t threshold, std::size_t ties) {
  if (source.takes_out() && threshold >= bounds_.high) {
    std::size_t left = ties;
    for (std::size_t c = 0; c < found_; ++c) {
      const std::uint32_t key = magnitude_key(values_[c]);
      const bool tie = key == threshold && left > 0;
      left -= tie ? 1 : 0;
      if (key <= threshold && !tie) source.residual[indices_[c]] = values_[c];
    }
  }
  found_ = keep_largest(values_.first(found_), indices_.first(found_), threshold, ties);
}

// Of the band, what is kept leaves the residual now.
void Candidates::leave_band(const Source& source, std::uint32_t threshold, std::size_t ties) {
  const std::size_t kept =
      keep_largest(band_values_.first(in_band_), band_indices_.first(in_band_), threshold, ties);
  leave_losses({band_indices_.first(kept), band_values_.first(kept)}, source.loss, source.residual);
}

void Candidates::put_back(const Source& source) const {
  for (std::size_t c = 0; c < found_; ++c) source.residual[indices_[c]] = values_[c];
}

}  // namespace laconic::kernels
