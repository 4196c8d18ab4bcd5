#pragma once

#include <cstdint>

#include "base/state.h"
#include "collectives/ledger.h"
#include "methods/oracle.h"

namespace laconic {

/// What a run has come to on this rank, over all its resumes: the loop's own part of a checkpoint.
struct RunState {
  std::uint64_t steps = 0;                                            ///< Done.
  double seconds = 0;                                                 ///< By the wall clock.
  double compute = 0, compress = 0, wait = 0, decode = 0, apply = 0;  ///< Seconds.
  double hidden = 0;         ///< Seconds of the exchange behind compute.
  double loss_sum = 0;       ///< Over the steps that this rank took part in,
  std::uint64_t losses = 0;  ///< which are so many.
  ByteCount sent, received;
  Scores last_scores;
  double best_accuracy = kUnknown;

  void save(StateWriter& writer) const;
  void load(StateReader& reader);
};

}  // namespace laconic
