#pragma once

#include <memory>

#include "collectives/exchange.h"

namespace laconic {

/// Averages one step late: finish() gives the average of the round before (zeros at first) and
/// sends what was computed in this one, so that the network has all of the next step to work under.
/// In between the exchange uses the transport: drain() before anybody else does, and at the end.
/// The average that is pending is part of the state. Gives no `sent`.
std::unique_ptr<Exchange> make_late(std::unique_ptr<Exchange> inner, std::size_t length);

}  // namespace laconic
