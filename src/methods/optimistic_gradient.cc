// Optimistic gradient, with prox: z = prox(z - rate (2 F(z) - F(z of the step before))) (Popov
// 1980; in this form Malitsky and Tam, "A forward-backward splitting method for monotone inclusions
// without cocoercivity", SIAM J. Optim. 2020).
//
// Guarantee, exact exchange: converges for monotone F at rates below 1/(2L), linearly where F is
// strongly monotone. The rate that is left to theory is 1/(4L).
//
// Sends one vector a step, half of what extragradient does. A compressed exchange is the baseline
// without correction. Error feedback is refused: a residual is of one step, what is applied is of
// two.
#include "base/errors.h"
#include "methods/prox_step.h"
#include "methods/saddle.h"
#include "methods/vector_ops.h"

namespace laconic {
namespace {

double rate_by_theory(const Setting& setting) {
  require_exact(setting);
  return 1 / (4 * known_constants(setting, false).smoothness);
}

class OptimisticGradient final : public Method {
 public:
  OptimisticGradient(const OptimisticGradientOptions& options, const Setting& setting,
                     Exchange& exchange, std::vector<float> start)
      : move_(settled_("rate", options.rate, [&] { return rate_by_theory(setting); }), {},
              SgdOptions{}, start.size()),
        batch_(options.batch),
        exchange_(exchange),
        z_(std::move(start)),
        operator_(z_.size()),
        before_(z_.size()),
        direction_(z_.size()) {}

  Report step(Oracle& oracle, const Step& step) override {
    Turn turn(oracle);
    const double loss = turn.evaluate(z_, {step.index, batch_}, operator_);
    turn.average(exchange_, operator_, {}, step);
    if (!moved_) before_ = operator_;
    combine(2, operator_, -1, before_, direction_);
    move_(z_, direction_, z_, turn);
    std::swap(before_, operator_);
    moved_ = true;
    return turn.report(loss);
  }

  Floats parameters() const override { return z_; }
  std::string settings() const override { return settled_.text(); }
  void save(StateWriter& writer) const override {
    writer.floats("parameters", z_);
    writer.floats("before", before_);
    writer.u64("moved", moved_ ? 1 : 0);
  }
  void load(StateReader& reader) override {
    reader.floats("parameters", z_);
    reader.floats("before", before_);
    moved_ = reader.u64("moved") != 0;
  }

 private:
  Settled settled_;
  ProxStep move_;
  std::uint32_t batch_;
  Exchange& exchange_;
  std::vector<float> z_, operator_, before_, direction_;
  bool moved_ = false;  // before_ is known
};

}  // namespace

void check_legs(const OptimisticGradientOptions&, const Legs& legs) {
  if (legs.up.feedback || legs.down.feedback)
    throw ConfigError("exchange.error_feedback.on",
                      "expected false with optimistic_gradient: a residual is of one step, what "
                      "is applied is of two");
}

std::unique_ptr<Method> make_optimistic_gradient(const OptimisticGradientOptions& options,
                                                 const Setting& setting, Exchange& exchange,
                                                 std::vector<float> start) {
  check_legs(options, setting.legs);
  return std::make_unique<OptimisticGradient>(options, setting, exchange, std::move(start));
}

}  // namespace laconic
