#pragma once

#include <string>
#include <vector>

#include "experiment.pb.h"

namespace laconic {

/// Makes an experiment say all of itself: every choice that was left open is made, every default is
/// written out, and what has no effect is dropped, with a line in `warnings`. Throws ConfigError
/// where a field is missing that has no default, or stands where it cannot mean anything.
void complete(config::Experiment& experiment, std::vector<std::string>& warnings);

}  // namespace laconic
