#pragma once

#include <memory>
#include <vector>

#include "methods/turn.h"
#include "methods/update_rule.h"

namespace laconic {

/// x = prox(x - rate g), or what an update rule makes of g in the place of rate g: the step that
/// extragradient and its kin are made of. Adam so scales both players of a game; its prox stays the
/// Euclidean one, which for projections is where the scaled step has left the set.
class ProxStep {
 public:
  /// Throws ConfigError as make_update_rule does.
  ProxStep(double rate, const UpdateRuleOptions& rule, std::size_t count);

  double rate() const { return rate_; }

  /// out = where g leads from there. Each call is a step to the rule, an extrapolation too, as in
  /// extragradient-Adam. `out` may be `from`, and neither is g.
  void operator()(Floats from, Floats g, MutFloats out, const Turn& turn);

  void save(StateWriter& writer) const;
  void load(StateReader& reader);

 private:
  double rate_;
  std::unique_ptr<UpdateRule> rule_;
};

}  // namespace laconic
