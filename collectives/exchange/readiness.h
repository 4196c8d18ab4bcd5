#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <vector>

#include "base/types.h"

namespace laconic {

/// Which buckets of a round are final. Whoever computes marks parts, the exchange's thread asks;
/// what was written to a bucket before it was marked is seen by who finds it ready.
class Readiness {
 public:
  /// The buckets cover a vector without gaps, from its end to its beginning.
  explicit Readiness(std::span<const Slice> buckets);

  /// A new round: nothing is final. Not while others mark or ask.
  void reset();

  /// From any thread; no part twice in a round. True if it makes a bucket ready.
  bool mark(Slice part) noexcept;

  void mark_all() noexcept { all_.store(true, std::memory_order_release); }

  bool ready(std::size_t bucket) const noexcept {
    return all_.load(std::memory_order_acquire) ||
           missing_[bucket].load(std::memory_order_acquire) == 0;
  }

 private:
  const std::vector<Slice> buckets_;
  const std::unique_ptr<std::atomic<std::size_t>[]> missing_;  // elements, by bucket
  std::atomic<bool> all_{false};
};

}  // namespace laconic
