#pragma once

#include <memory>
#include <variant>

#include "base/state.h"
#include "base/types.h"

namespace laconic {

/// x -= rate * v with v = momentum * v + gradient + weight_decay * x. (As torch.optim.SGD.)
struct SgdOptions {
  float momentum = 0;
  float weight_decay = 0;
  bool nesterov = false;
};

/// Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, algorithm 2.
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
  virtual void apply(Floats gradient, float rate, MutFloats x) = 0;
  virtual void save(StateWriter& writer) const = 0;
  virtual void load(StateReader& reader) = 0;
};

std::unique_ptr<UpdateRule> make_update_rule(const UpdateRuleOptions& options, std::size_t count);

}  // namespace laconic
