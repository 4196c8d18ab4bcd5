#pragma once

#include <vector>

#include "base/pieces.h"
#include "compressors/compressor.h"

namespace laconic {

/// Where the average of a round comes down: in the vector, but for what came as a sparse frame,
/// which stays a list until somebody wants it. A vector of mostly zeros would be written, and read
/// again by the update rule, at the price of two passes over memory; pieces of it that the first
/// cache holds cost none.
class Landing final : public Pieces {
 public:
  /// `vector` is borrowed until the next begin().
  void begin(MutFloats vector);

  /// The average of `where` is what the frame says. Throws WireError as Compressor::decode.
  void land(Bytes frame, const Compressor& compressor, Slice where);

  /// Writes all of it to the vector.
  void spread();

  /// Of the average; what nobody landed is in the vector.
  void each(const Use& use) const override;

 private:
  struct Sparse {
    Slice where;
    SparseList list;  // counted from the begin of `where`
  };
  std::vector<const Sparse*> in_order() const;

  MutFloats vector_;
  std::vector<Sparse> sparse_;  // of which the first `count_` are of this round
  std::size_t count_ = 0;
};

}  // namespace laconic
