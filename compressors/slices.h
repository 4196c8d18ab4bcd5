#pragma once

#include <algorithm>
#include <cstddef>

#include "base/parallel.h"
#include "base/types.h"

/// How the work on a vector is cut where several threads share it.
namespace laconic {

/// Elements of a slice but the last: enough that taking one costs nothing beside it, and few enough
/// that it stays in the second cache.
inline constexpr std::size_t kSlice = std::size_t{1} << 16;

/// Of fewer elements, 1 MB, it takes longer to wake a thread than it would save.
inline constexpr std::size_t kWorthThreads = 250'000;

/// Whether that many elements are worth more than one thread.
inline bool shared_by_threads(int threads, std::size_t count) {
  return threads > 1 && count >= kWorthThreads;
}

/// Calls work(slice) for slices that make up `count` elements, each a multiple of `unit` but the
/// last; one thread takes them all as one.
template <typename Work>
void for_slices(int threads, std::size_t count, const Work& work, std::size_t unit = 1) {
  if (!shared_by_threads(threads, count)) {
    if (count > 0) work(Slice{0, count});
    return;
  }
  const std::size_t each = std::max<std::size_t>(1, kSlice / unit) * unit;
  parallel_for(threads, (count + each - 1) / each, [&](std::size_t i) {
    work(Slice{i * each, std::min(each, count - i * each)});
  });
}

}  // namespace laconic
