#pragma once

#include "experiment.pb.h"
#include "train/experiment.h"

namespace laconic {

/// A complete experiment as option structs, all but `text` and `hash`. Throws ConfigError, with the
/// field's path, where a value is out of range or a compressor does not keep the contract that the
/// method and error feedback rely on; what is allowed but doubtful goes to `warnings`.
Experiment to_options(const config::Experiment& experiment);

}  // namespace laconic
