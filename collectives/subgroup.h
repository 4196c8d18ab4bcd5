#pragma once

#include <memory>
#include <vector>

#include "collectives/transport.h"

namespace laconic {

/// Some ranks of a group as a group of their own, numbered in the order of `ranks`, on one of whom
/// this must be called. `inner` must outlive it. Messages go on the channels of `inner`, so that
/// between two ranks only one of the two groups uses a channel at a time.
std::unique_ptr<Transport> subgroup(Transport& inner, std::vector<int> ranks);

}  // namespace laconic
