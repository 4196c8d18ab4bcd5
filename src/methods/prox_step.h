#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "methods/turn.h"
#include "methods/update_rule.h"

namespace laconic {

/// How a rate falls over a run of `steps`: by half a cosine, to `floor` times itself.
struct Fall {
  double floor = 1;  ///< Stays as it is.
  std::uint64_t steps = 0;
};

/// x = prox(x - rate g), or what an update rule makes of g in the place of rate g: the step that
/// extragradient and its kin are made of. Adam so scales both players of a game; its prox stays the
/// Euclidean one, which for projections is where the scaled step has left the set.
class ProxStep {
 public:
  /// Throws ConfigError as make_update_rule does.
  ProxStep(double rate, const Fall& fall, const UpdateRuleOptions& rule, std::size_t count);

  /// What follows belongs to this step of the run. Not needed where the rate stays.
  void begin(std::uint64_t step);

  /// out = where g leads from there. Each call is a step to the rule, an extrapolation too, as in
  /// extragradient-Adam. `out` may be `from`, and neither is g.
  void operator()(Floats from, Floats g, MutFloats out, const Turn& turn);

  void save(StateWriter& writer) const;
  void load(StateReader& reader);

 private:
  double rate_;  ///< At the start of the run.
  Fall fall_;
  double now_;
  std::unique_ptr<UpdateRule> rule_;
};

}  // namespace laconic
