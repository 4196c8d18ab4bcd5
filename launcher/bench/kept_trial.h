#pragma once

#include <filesystem>

#include "launcher/bench/method_trial.h"

namespace laconic::bench {

/// The trial that `file` holds of an earlier bench, or a new one, which is kept there as soon as it
/// ends: so a bench that was stopped goes on. A file of another experiment, of one that was given
/// up at fewer steps than are asked for now, torn or none of ours, is written anew.
Trial kept_or_new(const std::filesystem::path& file, const Experiment& experiment,
                  const SharedData& data, const TrialOptions& options);

}  // namespace laconic::bench
