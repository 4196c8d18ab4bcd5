#include "collectives/exchange/readiness.h"

#include <algorithm>

namespace laconic {

Readiness::Readiness(std::span<const Slice> buckets)
    : buckets_(buckets.begin(), buckets.end()),
      missing_(std::make_unique<std::atomic<std::size_t>[]>(buckets.size())) {}

void Readiness::reset() {
  for (std::size_t i = 0; i < buckets_.size(); ++i)
    missing_[i].store(buckets_[i].count, std::memory_order_relaxed);
  all_.store(false, std::memory_order_release);
}

bool Readiness::mark(Slice part) noexcept {
  bool completes = false;
  // The first bucket, in their descending order, that begins before the part ends.
  auto bucket = std::partition_point(buckets_.begin(), buckets_.end(),
                                     [&](const Slice& b) { return b.begin >= part.end(); });
  for (; bucket != buckets_.end() && bucket->end() > part.begin; ++bucket) {
    const std::size_t overlap =
        std::min(bucket->end(), part.end()) - std::max(bucket->begin, part.begin);
    std::atomic<std::size_t>& missing =
        missing_[static_cast<std::size_t>(bucket - buckets_.begin())];
    completes |= missing.fetch_sub(overlap, std::memory_order_acq_rel) == overlap;
  }
  return completes;
}

}  // namespace laconic
