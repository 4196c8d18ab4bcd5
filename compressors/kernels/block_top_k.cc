#include "compressors/kernels/block_top_k.h"

#include <algorithm>
#include <array>
#include <functional>

#include "base/errors.h"
#include "compressors/kernels/scan.h"
#include "compressors/kernels/select_key.h"
#include "compressors/kernels/vectors.h"
#include "compressors/slices.h"

// Neighbouring blocks are alike, so a little less than the threshold of the block before is a good
// guess for this one: one scan then finds the few elements that matter, and the rank-th of them is
// the threshold. A guess that found too few or very many is dropped, and all keys of the block are
// counted. So the result is exact, and does not depend on guesses.
namespace laconic::kernels {
namespace {

class BlockSelection {
 public:
  // The indices of the `k` largest of `block` to `out`; the first element has index `base`.
  // `found` is how many elements reach `guess`, at the first places of `candidates`.
  void select(Floats block, std::size_t k, std::uint32_t base, std::size_t found,
              std::uint32_t* out);

  std::uint32_t guess() const { return guess_; }
  std::uint32_t* candidates() { return candidates_.data(); }

 private:
  RankedKey threshold(Floats block, std::size_t k, std::size_t found);

  std::uint32_t guess_ = 1;
  std::array<std::uint32_t, kTopKBlock + kPositionSlack> candidates_;
  std::array<std::uint32_t, kTopKBlock> keys_;
};

// Of the k largest keys the least, and how many are larger.
RankedKey BlockSelection::threshold(Floats block, std::size_t k, std::size_t found) {
  constexpr std::size_t kFew = 8;
  if (found < k || found > kFew * k) {
    std::ranges::transform(block, keys_.begin(), magnitude_key);
    return select_key(std::span(keys_).first(block.size()), k);
  }
  for (std::size_t i = 0; i < found; ++i) keys_[i] = magnitude_key(block[candidates_[i]]);
  const auto end = keys_.begin() + found;
  std::nth_element(keys_.begin(), keys_.begin() + (k - 1), end, std::greater<>());
  const std::uint32_t key = keys_[k - 1];
  return {key, static_cast<std::size_t>(
                   std::count_if(keys_.begin(), end, [key](auto other) { return other > key; }))};
}

void BlockSelection::select(Floats block, std::size_t k, std::uint32_t base, std::size_t found,
                            std::uint32_t* out) {
  const RankedKey least = threshold(block, k, found);
  if (least.key < guess_) found = scan(block, std::max(least.key, 1u), 0, candidates_.data());
  std::size_t ties = k - least.above, kept = 0;
  if (least.key == 0) {
    // Zeros are kept too: all elements are candidates.
    for (std::size_t i = 0; i < block.size(); ++i) {
      const std::uint32_t key = magnitude_key(block[i]);
      if (key == 0 && ties == 0) continue;
      ties -= key == 0 ? 1 : 0;
      out[kept++] = base + static_cast<std::uint32_t>(i);
    }
  } else {
    for (std::size_t c = 0; c < found; ++c) {
      const std::uint32_t key = magnitude_key(block[candidates_[c]]);
      const bool tie = key == least.key && ties > 0;
      ties -= tie ? 1 : 0;
      if (key > least.key || tie) out[kept++] = base + candidates_[c];
    }
  }
  // Seven eighths of the threshold, or near it: keys order as logarithms do.
  constexpr std::uint32_t kLower = 1 << 21;
  guess_ = least.key > kLower ? least.key - kLower : 1;
}

// `scan_block(begin, count, least, out)` makes block [begin, begin + count) of `v` what it shall
// be, and scans it; `then(kept)` sees what was kept of a block while the cache holds it.
template <typename Scan, typename Then>
Kept select_blocks(Floats v, const BlockPlan& plan, Scratch& scratch, int threads,
                   const Scan& scan_block, const Then& then) {
  const std::size_t kept = plan.kept(v.size());
  const auto indices = scratch.take<std::uint32_t>(kept);
  const MutFloats values = scratch.take<float>(kept);
  const auto select_slice = [&](Slice slice) {
    BlockSelection selection;
    std::size_t done = slice.begin / kTopKBlock * plan.each;
    for (std::size_t begin = slice.begin; begin < slice.end(); begin += kTopKBlock) {
      const std::size_t n = std::min(kTopKBlock, slice.end() - begin);
      const std::size_t k = begin + n < v.size() ? plan.each : plan.last;
      const auto base = static_cast<std::uint32_t>(begin);
      const Floats block = v.subspan(begin, n);
      const std::size_t found = scan_block(begin, n, selection.guess(), selection.candidates());
      selection.select(block, k, base, found, &indices[done]);
      for (std::size_t i = done; i < done + k; ++i) {
        values[i] = v[indices[i]];
        if (magnitude_key(values[i]) >= kInfinityKey)
          throw NumericError("a vector to compress is not finite");
      }
      then(Kept{indices.subspan(done, k), values.subspan(done, k)});
      done += k;
    }
  };
  for_slices(threads, v.size(), select_slice, kTopKBlock);
  return {indices, values};
}

}  // namespace

Kept block_top_k(Floats in, const BlockPlan& plan, Scratch& scratch, int threads) {
  return select_blocks(
      in, plan, scratch, threads,
      [in](std::size_t begin, std::size_t n, std::uint32_t least, std::uint32_t* out) {
        return scan(in.subspan(begin, n), least, 0, out);
      },
      [](const Kept&) {});
}

Kept block_top_k_feedback(Floats gradient, MutFloats residual, Feedback feedback, ValueLoss loss,
                          const BlockPlan& plan, Scratch& scratch, int threads) {
  return select_blocks(
      residual, plan, scratch, threads,
      [&](std::size_t begin, std::size_t n, std::uint32_t least, std::uint32_t* out) {
        return scan_feedback(gradient.subspan(begin, n), residual.subspan(begin, n), feedback,
                             least, 0, out);
      },
      [&](const Kept& kept) { leave_losses(kept, loss, residual); });
}

}  // namespace laconic::kernels
