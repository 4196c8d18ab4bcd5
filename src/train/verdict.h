#pragma once

#include <string>
#include <vector>

#include "train/summary.h"

namespace laconic {

/// What a run has to say in the end, a sentence each: what compression saved and what it cost, what
/// the same would have taken dense where links were measured, what bounds a step, and what would
/// help.
std::vector<std::string> verdict(const Summary& summary);

}  // namespace laconic
