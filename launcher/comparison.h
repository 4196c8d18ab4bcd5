#pragma once

#include <span>
#include <string>

#include "train/summary.h"

namespace laconic {

/// What the figures of some runs say, in a sentence for each beside the first: how many times fewer
/// bytes it sent, what that cost in accuracy (or loss, where there is none), and in time. Empty for
/// a single run.
std::string plain_reading(std::span<const Summary> runs);

}  // namespace laconic
