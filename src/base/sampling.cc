#include "base/sampling.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace laconic {
namespace {

void shuffle(std::span<std::uint32_t> items, const RngKey& key) {
  for (std::size_t i = items.size(); i > 1; --i)
    std::swap(items[i - 1], items[uniform_below(key, i, i)]);
}

}  // namespace

std::vector<std::uint32_t> partition_examples(std::span<const std::uint32_t> labels,
                                              Partition partition, const RngKey& shared, int rank,
                                              int ranks) {
  check(0 <= rank && rank < ranks, "no such rank");
  std::vector<std::uint32_t> all(labels.size());
  std::iota(all.begin(), all.end(), 0);
  switch (partition) {
    case Partition::shuffled:
      shuffle(all, shared);
      break;
    case Partition::contiguous:
      break;
    case Partition::by_label:
      std::stable_sort(all.begin(), all.end(),
                       [&](auto a, auto b) { return labels[a] < labels[b]; });
      break;
  }
  const std::size_t each = all.size() / static_cast<std::size_t>(ranks);
  const auto first =
      all.begin() + static_cast<std::ptrdiff_t>(each * static_cast<std::size_t>(rank));
  return {first, first + static_cast<std::ptrdiff_t>(each)};
}

BatchSampler::BatchSampler(std::vector<std::uint32_t> examples, const RngKey& key)
    : examples_(std::move(examples)), key_(key) {}

std::uint64_t BatchSampler::batches(std::uint32_t size) const {
  return size == 0 ? 1 : std::max<std::uint64_t>(1, examples_.size() / size);
}

std::span<const std::uint32_t> BatchSampler::batch(std::uint64_t draw, std::uint32_t size) {
  if (size == 0 || size >= examples_.size()) return examples_;
  const std::uint64_t epoch = draw / batches(size), place = draw % batches(size);
  if (epoch != ordered_epoch_) {
    order_ = examples_;
    shuffle(order_, derive(key_, epoch));
    ordered_epoch_ = epoch;
  }
  return std::span(order_).subspan(place * size, size);
}

}  // namespace laconic
