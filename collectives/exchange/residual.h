#pragma once

#include <span>
#include <vector>

#include "base/state.h"
#include "base/types.h"

namespace laconic {

/// What a leg has not sent yet, kept for some parts of the flat vector: all of it, or what a rank
/// owns. Saved with the ranges it stands for, so that it means the same whatever the buckets are.
class Residual {
 public:
  /// For the elements of `slices`, which do not overlap; zeros at first.
  explicit Residual(std::span<const Slice> slices);

  /// A slice that lies inside one of the constructor's.
  MutFloats part(Slice slice);

  /// into += factor * residual, into as long as the flat vector; zeros afterwards.
  void release(float factor, MutFloats into);

  /// Throws DataError where what was saved stands for other ranges.
  void save(StateWriter& writer) const;
  void load(StateReader& reader);

 private:
  std::vector<Slice> ranges_;  // ascending, with gaps between them
  std::vector<float> values_;  // of one after the other
};

}  // namespace laconic
