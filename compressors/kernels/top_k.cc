#include "compressors/kernels/top_k.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "compressors/kernels/candidates.h"
#include "compressors/kernels/scan.h"
#include "compressors/kernels/select_key.h"
#include "compressors/slices.h"

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
// speed rests on the sample; nor does it rest on where the vector is cut for several threads, each
// of which looks for candidates in parts of its own.
namespace laconic::kernels {
namespace {

constexpr std::uint32_t kNothing = 0x80000000;  // above every magnitude
constexpr std::size_t kLine = 16;               // floats in a cache line
constexpr std::size_t kSmall = 2048;            // vectors for which a sample does not pay

class Selection {
 public:
  Selection(const Source& source, std::size_t k, Scratch& scratch, int threads);
  Kept run();

 private:
  Bounds estimate(double deviations) const;
  void sample(std::span<std::uint32_t> keys) const;
  void cut(const Bounds& bounds);
  Kept joined();

  /// work(part, its number); by several threads if all parts are about `items` to work on.
  template <typename Work>
  void for_parts(std::size_t items, const Work& work) {
    parallel_for(items < kWorthThreads ? 1 : threads_, parts_.size(),
                 [&](std::size_t i) { work(parts_[i], i); });
  }
  template <typename Count>
  std::size_t total(const Count& count) const {
    std::size_t sum = 0;
    for (const Candidates& part : parts_) sum += count(part);
    return sum;
  }

  Source source_;
  std::size_t k_;
  Scratch& scratch_;
  int threads_;
  std::vector<Candidates> parts_;
};

// More parts than threads, so that one that comes late does less. Work this quick is worth waking
// threads for from twice as many elements as any other.
std::size_t parts_for(int threads, std::size_t count) {
  if (!shared_by_threads(threads, count / 2)) return 1;
  return std::min(4 * static_cast<std::size_t>(threads), count / kSlice);
}

Selection::Selection(const Source& source, std::size_t k, Scratch& scratch, int threads)
    : source_(source), k_(k), scratch_(scratch), threads_(threads) {
  const std::size_t count = source.in.size(), parts = parts_for(threads, count);
  parts_.reserve(parts);
  for (std::size_t i = 0; i < parts; ++i) {
    const std::size_t begin = count * i / parts;
    parts_.emplace_back(Slice{begin, count * (i + 1) / parts - begin}, k, scratch);
  }
}

Kept Selection::run() {
  for (double deviations = 3;; deviations *= 4) {
    const Bounds bounds = estimate(deviations);
    for_parts(source_.in.size(),
              [&](Candidates& part, std::size_t) { part.find(source_, bounds); });
    // Of a vector with fewer than k that are not zero, all of those.
    if (total([](const auto& part) { return part.count(); }) >= k_ || bounds.low == 1) {
      cut(bounds);
      return joined();
    }
    if (!source_.takes_out()) continue;
    for_parts(source_.in.size(),
              [&](const Candidates& part, std::size_t) { part.put_back(source_); });
    source_.gradient = {};  // it is in the residual now
  }
}

// A sample of s elements has the threshold near its rank s k/n, with a standard deviation of
// sqrt(s k/n (1 - k/n)) ranks if the elements are in no particular order. Bounds 3 deviations to
// either side leave 6 n sqrt(k / (n s)) elements in the band. Sampling costs about as much for
// each element as the band does, and the sum of both is least at s = (3 n sqrt(k/n))^(2/3).
Bounds Selection::estimate(double deviations) const {
  const std::size_t count = source_.in.size();
  const auto n = static_cast<double>(count);
  const double density = static_cast<double>(k_) / n;
  if (k_ == count) return {1, 1};
  const double wanted = std::cbrt(9 * n * n * density);
  const bool all = count <= kSmall || 2 * wanted > n;
  const std::size_t size =
      all ? count : static_cast<std::size_t>(wanted / double{kLine} + 1) * kLine;

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
  const Floats gradient = source_.gradient, in = source_.in;
  const Feedback feedback = source_.feedback;
  const auto key = [&](std::size_t i) {
    const float v =
        gradient.empty() ? in[i] : feedback.decay * in[i] + feedback.scale * gradient[i];
    return magnitude_key(v);
  };
  if (keys.size() == in.size()) {
    for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = key(i);
    return;
  }
  const std::size_t lines = keys.size() / kLine;
  const double part = static_cast<double>(in.size() / kLine) / static_cast<double>(lines);
  const auto place = [part](std::size_t line) {
    const std::uint32_t weyl = static_cast<std::uint32_t>(line) * 0x9E3779B9u;
    return kLine * static_cast<std::size_t>(part * (static_cast<double>(line) + weyl * 0x1p-32));
  };
  constexpr std::size_t kAhead = 24;
  for (std::size_t line = 0; line < lines; ++line) {
    if (line + kAhead < lines) {
      const std::size_t next = place(line + kAhead);
      __builtin_prefetch(&in[next]);
      if (!gradient.empty()) __builtin_prefetch(&gradient[next]);
    }
    const std::size_t begin = place(line);
    for (std::size_t i = 0; i < kLine; ++i) keys[line * kLine + i] = key(begin + i);
  }
}

// Of all candidates the k largest, or all of fewer.
void Selection::cut(const Bounds& bounds) {
  const std::size_t found = total([](const auto& part) { return part.count(); });
  const std::size_t sure = found - total([](const auto& part) { return part.in_band(); });
  RankedKey threshold{0, 0};
  std::size_t ties = 0;
  if (found > k_) {
    const bool in_band = sure < k_;
    const auto among = [&](const Candidates& part) {
      return in_band ? part.band() : part.values();
    };
    const Scratch::Scope scope(scratch_);
    const auto keys = scratch_.take<std::uint32_t>(in_band ? found - sure : found);
    auto next = keys.begin();
    for (const Candidates& part : parts_)
      next = std::ranges::transform(among(part), next, magnitude_key).out;
    const std::size_t rank = in_band ? k_ - sure : k_;
    threshold = select_key(keys, rank);
    ties = rank - threshold.above;
  }
  // The first ties are those of the first parts.
  std::vector<std::size_t> ties_of(parts_.size());
  for (std::size_t i = 0; i < parts_.size() && ties > 0; ++i) {
    const Floats values = threshold.key < bounds.high ? parts_[i].band() : parts_[i].values();
    const auto equal = static_cast<std::size_t>(
        std::ranges::count_if(values, [&](float v) { return magnitude_key(v) == threshold.key; }));
    ties_of[i] = std::min(ties, equal);
    ties -= ties_of[i];
  }
  for_parts(found, [&](Candidates& part, std::size_t i) {
    part.keep(source_, threshold.key, ties_of[i]);
  });
}

Kept Selection::joined() {
  if (parts_.size() == 1) return parts_.front().kept();
  const std::size_t kept = total([](const auto& part) { return part.count(); });
  const auto indices = scratch_.take<std::uint32_t>(kept);
  const MutFloats values = scratch_.take<float>(kept);
  std::vector<std::size_t> begins;
  for (std::size_t begin = 0; const Candidates& part : parts_) {
    begins.push_back(begin);
    begin += part.count();
  }
  for_parts(kept, [&](const Candidates& part, std::size_t i) {
    std::ranges::copy(part.kept().indices, indices.subspan(begins[i]).begin());
    std::ranges::copy(part.kept().values, values.subspan(begins[i]).begin());
  });
  return {indices, values};
}

}  // namespace

Kept top_k(Floats in, std::size_t k, Scratch& scratch, int threads) {
  if (k == 0) return {};
  return Selection({.in = in}, k, scratch, threads).run();
}

Kept top_k_feedback(Floats gradient, MutFloats residual, Feedback feedback, ValueLoss loss,
                    std::size_t k, Scratch& scratch, int threads) {
  if (k == 0) return {};
  return Selection({gradient, residual, residual, feedback, loss}, k, scratch, threads).run();
}

}  // namespace laconic::kernels
