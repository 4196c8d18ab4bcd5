#pragma once

#include "collectives/exchange_cost.h"
#include "collectives/transport.h"
#include "methods/oracle.h"

namespace laconic {

/// What a gradient takes while all ranks compute one, so that they compete for processors as in
/// training; when which parts of it are final; and what something beside it costs it, by a thread
/// on each rank that reads memory meanwhile. Medians, the slowest rank's. `gradient`, as long as
/// `at`, holds one afterwards. Collective; 0.6 seconds unless four gradients take longer. The oracle
/// has taken some of its sample afterwards.
Computation measure_computation(Oracle& oracle, Floats at, const Sample& sample,
                                Transport& transport, MutFloats gradient);

}  // namespace laconic
