#pragma once

#include <memory>

#include "collectives/exchange.h"
#include "methods/method.h"
#include "methods/schedule.h"
#include "methods/update_rule.h"

namespace laconic {

struct SyncSgdOptions {
  std::uint32_t batch = 32;  ///< Examples a rank and step; 0: all of its data.
  std::uint64_t steps = 0;   ///< Of the whole run: what schedules are stretched over.
  ScheduleOptions schedule;
  UpdateRuleOptions rule;
};

/// Data-parallel training: every rank's mini-batch gradient, averaged by `exchange`, goes through
/// the update rule. Momentum therefore comes after compression and is the same on every rank; what
/// error feedback delays by some steps then enters the momentum late but whole, and no rank keeps a
/// momentum of its own that a checkpoint would have to hold for it.
///
/// Rank r's step s takes its draw s. `start` is the first point, the same on every rank. `exchange`
/// must outlive it; its residuals are saved by who made it, not here. Throws ConfigError, with the
/// field's name alone ("momentum"), where an option is out of range; its step, where the problem
/// has a prox.
std::unique_ptr<Method> make_sync_sgd(const SyncSgdOptions& options, Exchange& exchange,
                                      std::vector<float> start);

}  // namespace laconic
