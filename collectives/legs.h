#pragma once

#include "collectives/exchange_options.h"
#include "compressors/compressor.h"

namespace laconic {

/// One leg of an exchange as theory sees it.
struct Leg {
  Guarantee guarantee{0, 1};  ///< The worst over all buckets.
  bool feedback = false;
  bool independent = true;  ///< Ranks choose each for itself, so that their errors average out.

  bool exact() const { return guarantee.omega == 0; }
};

struct Legs {
  Leg up;    ///< What each rank sends of its own.
  Leg down;  ///< Averages on their way back; exact where they are not compressed again.
};

/// The legs of an exchange of vectors with that layout. Throws ConfigError as make_compressor does.
Legs legs_of(const ExchangeOptions& options, const Layout& layout);

}  // namespace laconic
