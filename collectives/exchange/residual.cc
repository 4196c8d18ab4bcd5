#include "collectives/exchange/residual.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/errors.h"

namespace laconic {
namespace {

std::vector<std::uint64_t> numbers(const std::vector<Slice>& ranges) {
  std::vector<std::uint64_t> all;
  for (const Slice& range : ranges) all.insert(all.end(), {range.begin, range.count});
  return all;
}

}  // namespace

Residual::Residual(std::span<const Slice> slices) {
  std::vector<Slice> sorted(slices.begin(), slices.end());
  std::sort(sorted.begin(), sorted.end(),
            [](const Slice& a, const Slice& b) { return a.begin < b.begin; });
  std::size_t count = 0;
  for (const Slice& slice : sorted) {
    if (slice.count == 0) continue;
    if (ranges_.empty() || ranges_.back().end() < slice.begin)
      ranges_.push_back(slice);
    else
      ranges_.back().count += slice.count;
    count += slice.count;
  }
  values_.resize(count);
}

MutFloats Residual::part(Slice slice) {
  if (slice.count == 0) return {};
  std::size_t before = 0;
  for (const Slice& range : ranges_) {
    if (slice.begin >= range.begin && slice.end() <= range.end())
      return MutFloats(values_).subspan(before + slice.begin - range.begin, slice.count);
    before += range.count;
  }
  check(false, "a slice whose residual is kept here");
  return {};
}

void Residual::release(float factor, MutFloats into) {
  std::size_t i = 0;
  for (const Slice& range : ranges_)
    for (float& owed : laconic::part(into, range))
      owed += factor * std::exchange(values_[i++], 0.0f);
}

void Residual::save(StateWriter& writer) const {
  writer.u64("ranges", numbers(ranges_));
  writer.floats("residual", values_);
}

void Residual::load(StateReader& reader) {
  if (reader.u64s("ranges") != numbers(ranges_))
    throw DataError("checkpoint", "its residual is of other parts of the vector");
  reader.floats("residual", values_);
}

}  // namespace laconic
