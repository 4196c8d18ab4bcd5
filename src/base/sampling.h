#pragma once

#include <cstdint>
#include <vector>

#include "base/rng.h"
#include "base/types.h"

/// Which examples a rank holds and which of them a mini-batch takes.
namespace laconic {

enum class Partition { shuffled, contiguous, by_label };

/// The examples of `rank`, as indices into `labels`: labels.size() / ranks for every rank (the
/// remainder, fewer than `ranks`, is left out so that all ranks count the same steps). `shared` is
/// the same on every rank and only used by `shuffled`.
std::vector<std::uint32_t> partition_examples(std::span<const std::uint32_t> labels,
                                              Partition partition, const RngKey& shared, int rank,
                                              int ranks);

/// Draws mini-batches without replacement, a new order each epoch. Has no state: batch `draw` is a
/// function of the key, the draw and the size (an order is cached, for one thread).
class BatchSampler {
 public:
  BatchSampler(std::vector<std::uint32_t> examples, const RngKey& key);

  std::uint64_t examples() const { return examples_.size(); }

  /// Full batches of `size` in an epoch; at least 1.
  std::uint64_t batches(std::uint32_t size) const;

  /// The draw-th batch; size 0 or more than there are: all examples, in their own order. Valid
  /// until the next call.
  std::span<const std::uint32_t> batch(std::uint64_t draw, std::uint32_t size);

 private:
  std::vector<std::uint32_t> examples_, order_;
  RngKey key_;
  std::uint64_t ordered_epoch_ = ~std::uint64_t{0};
};

}  // namespace laconic
