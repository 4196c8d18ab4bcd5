#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/pieces.h"
#include "compressors/compressor.h"

namespace laconic {

/// Where the average of a round comes down: in the vector, but for what came as sparse frames,
/// which stay lists until somebody wants it. A vector of mostly zeros would be written, and read
/// again by the update rule, at the price of two passes over memory; pieces of it that the first
/// cache holds cost none.
class Landing final : public Pieces {
 public:
  /// `vector` is borrowed until the next begin().
  void begin(MutFloats vector);

  /// The average of `where` is what the frame says. Throws WireError as Compressor::decode.
  void land(Bytes frame, const Compressor& compressor, Slice where);

  /// It is the mean of what the frames say, added in the order given: the bits of average().
  void land_mean(std::span<const Bytes> frames, const Compressor& compressor, Slice where);

  /// Writes all of it to the vector.
  void spread();

  /// Of the average; what nobody landed is in the vector.
  void each(const Use& use) const override;

 private:
  struct Sparse {
    Slice where;
    std::vector<SparseList> lists;  // counted from the begin of `where`
    std::optional<float> scale;     // of lists that are added up; without one there is one list
  };
  Sparse* sparse(std::span<const Bytes> frames, const Compressor& compressor, Slice where);
  std::vector<const Sparse*> in_order() const;

  MutFloats vector_;
  std::vector<Sparse> sparse_;  // of which the first `count_` are of this round
  std::size_t count_ = 0;
};

}  // namespace laconic
