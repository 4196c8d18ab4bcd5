#pragma once

#include <optional>

#include "base/clock.h"
#include "collectives/exchange.h"
#include "methods/method.h"

namespace laconic {

/// One step of a method that asks for operators and averages one after the other, and where its
/// time went: whatever is neither in the oracle nor in an exchange was spent in applying.
class Turn {
 public:
  explicit Turn(Oracle& oracle) : oracle_(oracle) {}

  /// F_m(at) on the sample to `out`; returns the loss.
  double evaluate(Floats at, const Sample& sample, MutFloats out);

  /// As Exchange::begin and finish.
  void average(Exchange& exchange, MutFloats vector, MutFloats sent, const Step& step);

  void prox(double rate, MutFloats x) const { oracle_.prox(static_cast<float>(rate), x); }

  Report report(std::optional<double> loss) const;

 private:
  Oracle& oracle_;
  Stopwatch watch_;
  Report report_;
};

/// The same step with a key of its own, for another exchange in it: no choice is made twice.
Step another(const Step& step, std::uint64_t number);

}  // namespace laconic
