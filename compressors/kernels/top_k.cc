#include "compressors/kernels/top_k.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/errors.h"
#include "compressors/kernels/compact.h"
#include "compressors/kernels/scan.h"
#include "compressors/kernels/select_key.h"
#include "compressors/kernels/vectors.h"

// Exact selection in one pass over the vector.
//
// The threshold, the k-th largest magnitude, is not known beforehand; but a sample says between
// which two magnitudes it almost surely lies. One pass then tells three kinds of elements apart:
// from the upper bound on they are kept for sure, below the lower bound they are dropped for sure,
// and what lies in the narrow band between is decided later. All but the dropped are written out as
// candidates with their indices. Selection in the band alone then gives the exact threshold, and a
// last look at the candidates, a little more than k, keeps those above it.
//
// If the bounds turn out wrong, nothing is lost but time: the counts say so. Too few candidates:
// the bounds are widened and the pass is done again. Too many kept for sure: the selection is among
// all candidates. Too many candidates for their memory: the k largest so far are kept, and from
// then on their smallest is the lower bound. So the result is exact for every input, and only the
// speed rests on the sample.
namespace laconic::kernels {
namespace {

constexpr std::uint32_t kNothing = 0x80000000;  // above every magnitude
constexpr std::size_t kLine = 16;               // floats in a cache line
constexpr std::size_t kSmall = 2048;            // vectors for which a sample does not pay
// What is scanned and then collected stays in the first level of cache between the two.
constexpr std::size_t kPiece = 2048;

// In the band: low <= magnitude < high.
struct Bounds {
  std::uint32_t low, high;
};

class Selection {
 public:
  Selection(Floats gradient, Floats in, MutFloats residual, Feedback feedback, ValueLoss loss,
            std::size_t k, Scratch& scratch);
  Kept run();

 private:
  Bounds estimate(double deviations) const;
  void sample(std::span<std::uint32_t> keys) const;
  void pass();
  void collect(std::size_t count);
  void put_back(std::size_t begin, std::size_t count);
  void keep_only(std::uint32_t threshold, std::size_t ties);
  void make_room();
  void cut();
  void leave_band(std::size_t count);
  void put_back_all();

  bool takes_out() const { return !residual_.empty(); }

  Floats gradient_, in_;
  MutFloats residual_;
  Feedback feedback_;
  ValueLoss loss_;
  std::size_t k_;
  Scratch& scratch_;
  Bounds bounds_{};

  // Candidates in ascending order, and once more those that lie in the band.
  std::size_t room_, found_ = 0, in_band_ = 0;
  MutFloats values_, band_values_;
  std::span<std::uint32_t> indices_, band_indices_;
};

Selection::Selection(Floats gradient, Floats in, MutFloats residual, Feedback feedback,
                     ValueLoss loss, std::size_t k, Scratch& scratch)
    : gradient_(gradient),
      in_(in),
      residual_(residual),
      feedback_(feedback),
      loss_(loss),
      k_(k),
      scratch_(scratch),
      room_(std::min(in.size(), 2 * k + (std::size_t{1} << 16)) + kPiece),
      values_(scratch.take<float>(room_)),
      band_values_(scratch.take<float>(room_ + kCompactSlack)),
      indices_(scratch.take<std::uint32_t>(room_ + kPositionSlack)),
      band_indices_(scratch.take<std::uint32_t>(room_ + kCompactSlack)) {}

Kept Selection::run() {
  for (double deviations = 3;; deviations *= 4) {
    bounds_ = estimate(deviations);
    pass();
    // Of a vector with fewer than k that are not zero, all of those.
    if (found_ >= k_ || bounds_.low == 1) break;
    if (takes_out()) put_back_all();
    gradient_ = {};  // it is in the residual now
    found_ = in_band_ = 0;
  }
  if (found_ > k_) {
    cut();
  } else if (takes_out()) {
    leave_band(in_band_);
  }
  return {indices_.first(found_), values_.first(found_)};
}

// A sample of s elements has the threshold near its rank s k/n, with a standard deviation of
// sqrt(s k/n (1 - k/n)) ranks if the elements are in no particular order. Bounds 3 deviations to
// either side leave 6 n sqrt(k / (n s)) elements in the band. Sampling costs about as much for
// each element as the band does, and the sum of both is least at s = (3 n sqrt(k/n))^(2/3).
Bounds Selection::estimate(double deviations) const {
  const auto n = static_cast<double>(in_.size());
  const double density = static_cast<double>(k_) / n;
  if (k_ == in_.size()) return {1, 1};
  const double wanted = std::cbrt(9 * n * n * density);
  const bool all = in_.size() <= kSmall || 2 * wanted > n;
  const std::size_t size =
      all ? in_.size() : static_cast<std::size_t>(wanted / double{kLine} + 1) * kLine;

  const Scratch::Scope scope(scratch_);
  const auto keys = scratch_.take<std::uint32_t>(size);
  sample(keys);
  const double rank = static_cast<double>(size) * density;
  const double off = all ? 0 : deviations * std::sqrt(rank * (1 - density)) + 2;
  const auto low_rank = static_cast<std::size_t>(std::ceil(rank + off));
  const auto high_rank = static_cast<std::size_t>(std::max(0.0, std::floor(rank - off)));
  const Narrowed both = narrow(keys, std::max<std::size_t>(high_rank, 1), std::min(low_rank, size));
  const auto copy = scratch_.take<std::uint32_t>(both.keys.size());
  std::ranges::copy(both.keys, copy.begin());
  Bounds bounds{1, kNothing};
  if (low_rank <= size) bounds.low = std::max(select_key(copy, low_rank - both.above).key, 1u);
  if (high_rank >= 1) bounds.high = select_key(both.keys, high_rank - both.above).key + 1;
  return bounds;
}

// Whole cache lines, one at a place of its own in each of equally many parts of the vector, so that
// no order of the elements (sorted, one layer after another) misleads. The places come from a
// Weyl sequence: evenly spread, and the same each time.
void Selection::sample(std::span<std::uint32_t> keys) const {
  const auto key = [this](std::size_t i) {
    const float v =
        gradient_.empty() ? in_[i] : feedback_.decay * in_[i] + feedback_.scale * gradient_[i];
    return magnitude_key(v);
  };
  if (keys.size() == in_.size()) {
    for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = key(i);
    return;
  }
  const std::size_t lines = keys.size() / kLine;
  const double part = static_cast<double>(in_.size() / kLine) / static_cast<double>(lines);
  const auto place = [part](std::size_t line) {
    const std::uint32_t weyl = static_cast<std::uint32_t>(line) * 0x9E3779B9u;
    return kLine * static_cast<std::size_t>(part * (static_cast<double>(line) + weyl * 0x1p-32));
  };
  constexpr std::size_t kAhead = 24;
  for (std::size_t line = 0; line < lines; ++line) {
    if (line + kAhead < lines) {
      const std::size_t next = place(line + kAhead);
      __builtin_prefetch(&in_[next]);
      if (!gradient_.empty()) __builtin_prefetch(&gradient_[next]);
    }
    const std::size_t begin = place(line);
    for (std::size_t i = 0; i < kLine; ++i) keys[line * kLine + i] = key(begin + i);
  }
}

void Selection::pass() {
  for (std::size_t begin = 0; begin < in_.size(); begin += kPiece) {
    const std::size_t n = std::min(kPiece, in_.size() - begin);
    if (room_ - found_ < n) make_room();
    const auto base = static_cast<std::uint32_t>(begin);
    std::uint32_t* out = indices_.data() + found_;
    collect(gradient_.empty()
                ? scan(in_.subspan(begin, n), bounds_.low, base, out)
                : scan_feedback(gradient_.subspan(begin, n), residual_.subspan(begin, n), feedback_,
                                bounds_.low, base, out));
  }
}

// The next `count` of indices_ are candidates. Nothing here branches on the numbers: a processor
// would guess wrong too often. So all of them are taken out, and those in the band put back.
void Selection::collect(std::size_t count) {
  const std::span<const std::uint32_t> indices = indices_.subspan(found_, count);
  float* const values = &values_[found_];
  if (takes_out()) {
    std::array<float, kPiece> lost;
    for (std::size_t c = 0; c < count; ++c) values[c] = residual_[indices[c]];
    loss_({values, count}, MutFloats(lost).first(count));
    for (std::size_t c = 0; c < count; ++c) residual_[indices[c]] = lost[c];
  } else {
    for (std::size_t c = 0; c < count; ++c) values[c] = in_[indices[c]];
  }
  const Copied band = copy_below({values, count}, indices, bounds_.high, &band_values_[in_band_],
                                 &band_indices_[in_band_]);
  if (band.largest >= kInfinityKey) throw NumericError("a vector to compress is not finite");
  if (takes_out()) put_back(in_band_, band.count);
  found_ += count;
  in_band_ += band.count;
}

void Selection::put_back(std::size_t begin, std::size_t count) {
  for (std::size_t b = begin; b < begin + count; ++b) residual_[band_indices_[b]] = band_values_[b];
}

// Leaves the candidates above the threshold and the first `ties` equal to it. What a bound had
// taken out of the vector for sure, and is dropped after all, goes back.
void Selection::keep_only(std::uint32_t threshold, std::size_t ties) {
  if (takes_out() && threshold >= bounds_.high) {
    std::size_t left = ties;
    for (std::size_t c = 0; c < found_; ++c) {
      const std::uint32_t key = magnitude_key(values_[c]);
      const bool tie = key == threshold && left > 0;
      left -= tie ? 1 : 0;
      if (key <= threshold && !tie) residual_[indices_[c]] = values_[c];
    }
  }
  found_ = keep_largest(values_.first(found_), indices_.first(found_), threshold, ties);
}

void Selection::make_room() {
  const Scratch::Scope scope(scratch_);
  const auto keys = scratch_.take<std::uint32_t>(found_);
  std::ranges::transform(values_.first(found_), keys.begin(), magnitude_key);
  const RankedKey threshold = select_key(keys, k_);
  keep_only(threshold.key, k_ - threshold.above);
  bounds_.low = threshold.key + 1;  // who comes later loses a tie
  in_band_ = copy_below(values_.first(found_), indices_.first(found_), bounds_.high,
                        band_values_.data(), band_indices_.data())
                 .count;
}

void Selection::cut() {
  const Scratch::Scope scope(scratch_);
  const std::size_t sure = found_ - in_band_;
  if (sure >= k_) {
    const auto keys = scratch_.take<std::uint32_t>(found_);
    std::ranges::transform(values_.first(found_), keys.begin(), magnitude_key);
    const RankedKey threshold = select_key(keys, k_);
    keep_only(threshold.key, k_ - threshold.above);
    return;
  }
  const auto keys = scratch_.take<std::uint32_t>(in_band_);
  std::ranges::transform(band_values_.first(in_band_), keys.begin(), magnitude_key);
  const RankedKey threshold = select_key(keys, k_ - sure);
  const std::size_t ties = k_ - sure - threshold.above;
  if (takes_out()) {
    // Of the band, what is kept leaves the vector now.
    std::size_t kept = 0, left = ties;
    for (std::size_t b = 0; b < in_band_; ++b) {
      const std::uint32_t key = magnitude_key(band_values_[b]);
      const bool tie = key == threshold.key && left > 0;
      left -= tie ? 1 : 0;
      band_indices_[kept] = band_indices_[b];
      band_values_[kept] = band_values_[b];
      kept += key > threshold.key || tie ? 1 : 0;
    }
    leave_band(kept);
  }
  keep_only(threshold.key, ties);
}

// The first `count` of the band leave the vector.
void Selection::leave_band(std::size_t count) {
  leave_losses({band_indices_.first(count), band_values_.first(count)}, loss_, residual_);
}

void Selection::put_back_all() {
  for (std::size_t c = 0; c < found_; ++c) residual_[indices_[c]] = values_[c];
}

}  // namespace

Kept top_k(Floats in, std::size_t k, Scratch& scratch) {
  if (k == 0) return {};
  return Selection({}, in, {}, {}, {}, k, scratch).run();
}

Kept top_k_feedback(Floats gradient, MutFloats residual, Feedback feedback, ValueLoss loss,
                    std::size_t k, Scratch& scratch) {
  if (k == 0) return {};
  return Selection(gradient, residual, residual, feedback, loss, k, scratch).run();
}

}  // namespace laconic::kernels
