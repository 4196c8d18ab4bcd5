#pragma once

#include <span>

#include "collectives/transport.h"
#include "methods/oracle.h"

namespace laconic {

/// The scores of a point, each rank working out its share; the same bits on every rank. Collective;
/// nothing else may be under way on the control channel.
Scores score_over_ranks(const Oracle& oracle, Floats at, Transport& transport);

/// Means over the examples of all shares, summed in the order given; shares without examples say
/// nothing.
Scores combine_scores(std::span<const Scores> shares);

}  // namespace laconic
