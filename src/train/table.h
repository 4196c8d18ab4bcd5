#pragma once

#include <span>
#include <string>

#include "train/summary.h"

namespace laconic {

/// Runs side by side, one a row, in the order given: name, exchange, accuracy, loss, bytes sent per
/// rank by purpose, how many times fewer that is than a dense ring sends, seconds. Columns that no
/// run has anything in are left out.
std::string results_table(std::span<const Summary> runs);

}  // namespace laconic
