#pragma once

#include <functional>

#include "base/types.h"

namespace laconic {

/// A vector that is given out in pieces, since it is nowhere in memory as a whole.
class Pieces {
 public:
  /// `values` are those of `where`, until it returns.
  using Use = std::function<void(Slice where, Floats values)>;

  virtual ~Pieces() = default;

  /// Each element once, in any order.
  virtual void each(const Use& use) const = 0;
};

/// Of one that is in memory, which it borrows.
class WholeVector final : public Pieces {
 public:
  explicit WholeVector(Floats vector) : vector_(vector) {}
  void each(const Use& use) const override { use({0, vector_.size()}, vector_); }

 private:
  Floats vector_;
};

}  // namespace laconic
