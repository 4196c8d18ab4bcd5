#include "methods/update_rule.h"

#include <cmath>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/errors.h"
#include "methods/vector_ops.h"

namespace laconic {
namespace {

void check_fraction(const char* field, float value) {
  if (!(value >= 0 && value < 1)) throw ConfigError(field, "expected a value in [0, 1)");
}

void check_weight_decay(float value) {
  if (!(value >= 0 && std::isfinite(value)))
    throw ConfigError("weight_decay", "expected 0 or a positive number");
}

class Sgd final : public UpdateRule {
 public:
  Sgd(const SgdOptions& options, std::size_t count)
      : options_(options), velocity_(options.momentum > 0 ? count : 0) {
    check_fraction("momentum", options.momentum);
    check_weight_decay(options.weight_decay);
    if (options.nesterov && options.momentum == 0)
      throw ConfigError("nesterov", "expected a momentum above 0 with it");
  }

  using UpdateRule::apply;
  void apply(const Pieces& gradient, float rate, MutFloats x) override {
    const auto& [momentum, weight_decay, nesterov] = options_;
    const MomentumStep step{rate, momentum, weight_decay, nesterov};
    gradient.each([&](Slice where, Floats g) {
      if (step.momentum > 0)
        descend(g, step, part(MutFloats(velocity_), where), part(x, where));
      else
        descend(g, rate, step.weight_decay, part(x, where));
    });
  }

  void save(StateWriter& writer) const override { writer.floats("velocity", velocity_); }
  void load(StateReader& reader) override { reader.floats("velocity", velocity_); }

 private:
  SgdOptions options_;
  std::vector<float> velocity_;  // empty without momentum
};

class AdamW final : public UpdateRule {
 public:
  AdamW(const AdamWOptions& options, std::size_t count)
      : options_(options), first_(count), second_(count) {
    check_fraction("beta1", options.beta1);
    check_fraction("beta2", options.beta2);
    check_weight_decay(options.weight_decay);
    if (!(options.epsilon > 0 && std::isfinite(options.epsilon)))
      throw ConfigError("epsilon", "expected a positive number");
  }

  using UpdateRule::apply;
  void apply(const Pieces& gradient, float rate, MutFloats x) override {
    ++steps_;
    const double t = static_cast<double>(steps_);
    const AdamStep step{
        .beta1 = options_.beta1,
        .beta2 = options_.beta2,
        .rate = static_cast<float>(rate / (1 - std::pow(double{options_.beta1}, t))),
        .root = static_cast<float>(std::sqrt(1 - std::pow(double{options_.beta2}, t))),
        .epsilon = options_.epsilon,
        .decay = static_cast<float>(1 - double{rate} * options_.weight_decay)};
    gradient.each([&](Slice where, Floats g) {
      descend(g, step, part(MutFloats(first_), where), part(MutFloats(second_), where),
              part(x, where));
    });
  }

  void save(StateWriter& writer) const override {
    writer.floats("first", first_);
    writer.floats("second", second_);
    writer.u64("steps", steps_);
  }
  void load(StateReader& reader) override {
    reader.floats("first", first_);
    reader.floats("second", second_);
    steps_ = reader.u64("steps");
  }

 private:
  AdamWOptions options_;
  std::vector<float> first_, second_;  // moments
  std::uint64_t steps_ = 0;
};

}  // namespace

std::unique_ptr<UpdateRule> make_update_rule(const UpdateRuleOptions& options, std::size_t count) {
  struct Make {
    std::size_t count;
    std::unique_ptr<UpdateRule> operator()(const SgdOptions& sgd) const {
      return std::make_unique<Sgd>(sgd, count);
    }
    std::unique_ptr<UpdateRule> operator()(const AdamWOptions& adamw) const {
      return std::make_unique<AdamW>(adamw, count);
    }
  };
  return std::visit(Make{count}, options);
}

}  // namespace laconic
