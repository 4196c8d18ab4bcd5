#pragma once

#include <memory>
#include <variant>

#include "base/pieces.h"
#include "base/state.h"
#include "base/types.h"

namespace laconic {

/// g = gradient + weight_decay * x; v = momentum * v + g; x -= rate * v, or with Nesterov's
/// momentum x -= rate * (g + momentum * v). (As torch.optim.SGD, dampening 0.)
struct SgdOptions {
  float momentum = 0;
  float weight_decay = 0;
  bool nesterov = false;
};

/// Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, algorithm 2, with the
/// rate in front of the decay too: x -= rate * weight_decay * x. (As torch.optim.AdamW.)
struct AdamWOptions {
  float beta1 = 0.9f;
  float beta2 = 0.999f;
  float epsilon = 1e-8f;
  float weight_decay = 0.01f;
};

using UpdateRuleOptions = std::variant<SgdOptions, AdamWOptions>;

/// How a gradient moves the parameters: on flat vectors, so that it knows nothing of layers.
class UpdateRule {
 public:
  virtual ~UpdateRule() = default;

  /// One step, in one pass over memory. All vectors are as long as the rule was made for.
  virtual void apply(const Pieces& gradient, float rate, MutFloats x) = 0;
  void apply(Floats gradient, float rate, MutFloats x) { apply(WholeVector(gradient), rate, x); }

  virtual void save(StateWriter& writer) const = 0;
  virtual void load(StateReader& reader) = 0;
};

/// Starts at rest. Throws ConfigError, with the field's name alone ("momentum"), where an option is
/// out of range.
std::unique_ptr<UpdateRule> make_update_rule(const UpdateRuleOptions& options, std::size_t count);

}  // namespace laconic
