#pragma once

#include <vector>

#include "base/step.h"
#include "base/types.h"
#include "collectives/exchange/landing.h"
#include "collectives/transport.h"
#include "compressors/compressor.h"

namespace laconic {

/// What begin() gave an exchange, kept until finish(). Refuses, as a mistake of ours, a vector of
/// another length than the layout, a round inside a round, and participants that are no ranks.
class Round {
 public:
  Round(const Transport& transport, std::size_t length) : transport_(transport), length_(length) {}

  void begin(MutFloats vector, MutFloats sent, const Step& step);
  bool under_way() const { return under_way_; }
  void end() { under_way_ = false; }

  MutFloats vector() const { return vector_; }
  Landing& landing() const { return landing_; }  ///< Of the average, in this vector.
  MutFloats sent() const { return sent_; }       ///< May be empty.
  std::uint64_t step() const { return step_; }
  const RngKey& key() const { return key_; }

  /// Where and when this rank compresses what stands for `where`.
  Site site(RngPurpose purpose, Slice where, Scratch& scratch) const;

  /// Ascending; all ranks if the step named none.
  const std::vector<int>& participants() const { return participants_; }
  bool takes_part() const { return takes_part(rank()); }
  bool takes_part(int rank) const;

  int rank() const { return transport_.rank(); }
  int ranks() const { return transport_.size(); }

 private:
  const Transport& transport_;
  const std::size_t length_;
  bool under_way_ = false;
  MutFloats vector_, sent_;
  mutable Landing landing_;
  std::uint64_t step_ = 0;
  RngKey key_;
  std::vector<int> participants_;
};

}  // namespace laconic
