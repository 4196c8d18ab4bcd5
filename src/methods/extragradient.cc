// Extragradient (Korpelevich 1976): z' = prox(z - rate F(z)), z = prox(z - rate F(z')).
//
// Guarantee, exact exchange: converges for monotone F at rates below 1/L; |z - z*|² falls by
// 1 - rate mu a step while rate² L² + 2 rate mu <= 1, which the rate that is left to theory,
// 1/(2(L + mu)), keeps.
//
// An update rule makes both steps where one is given: with AdamW, extragradient-Adam (Gidel et al.,
// "A variational inequality perspective on generative adversarial networks", ICLR 2019), whose
// moments learn from F(z) and from F(z'). Theory has no rate for that.
//
// Sends two vectors a step. With a compressed exchange it is the baseline without correction, which
// stops where the noise of compression, in proportion to F_m(z*), holds it. Error feedback is
// refused: one residual would mix operators at two points.
#include "base/errors.h"
#include "methods/prox_step.h"
#include "methods/saddle.h"

namespace laconic {
namespace {

double rate_by_theory(const ExtragradientOptions& options, const Setting& setting) {
  require_exact(setting);
  require_plain(options.rule, options.rate_floor);
  const Constants c = known_constants(setting, false);
  return 1 / (2 * (c.smoothness + c.strong_convexity));
}

class Extragradient final : public Method {
 public:
  Extragradient(const ExtragradientOptions& options, const Setting& setting, Exchange& exchange,
                std::vector<float> start)
      : move_(settled_("rate", options.rate, [&] { return rate_by_theory(options, setting); }),
              {options.rate_floor, setting.steps}, options.rule, start.size()),
        batch_(options.batch),
        exchange_(exchange),
        z_(std::move(start)),
        half_(z_.size()),
        operator_(z_.size()) {}

  Report step(Oracle& oracle, const Step& step) override {
    Turn turn(oracle);
    move_.begin(step.index);
    const double loss = find_operator(z_, turn, step);
    move_(z_, operator_, half_, turn);
    find_operator(half_, turn, another(step, 1));
    move_(z_, operator_, z_, turn);
    return turn.report(loss);
  }

  Floats parameters() const override { return z_; }
  double averages_per_step() const override { return 2; }
  std::string settings() const override { return settled_.text(); }
  void save(StateWriter& writer) const override {
    writer.floats("parameters", z_);
    move_.save(writer);
  }
  void load(StateReader& reader) override {
    reader.floats("parameters", z_);
    move_.load(reader);
  }

 private:
  double find_operator(Floats at, Turn& turn, const Step& step) {
    const double loss = turn.evaluate(at, {step.index, batch_}, operator_);
    turn.average(exchange_, operator_, {}, step);
    return loss;
  }

  Settled settled_;
  ProxStep move_;
  std::uint32_t batch_;
  Exchange& exchange_;
  std::vector<float> z_, half_, operator_;
};

}  // namespace

void check_legs(const ExtragradientOptions&, const Legs& legs) {
  if (legs.up.feedback || legs.down.feedback)
    throw ConfigError("exchange.error_feedback.on",
                      "expected false with extragradient: a residual would mix operators at two "
                      "points; masha2 is its method with error feedback");
}

std::unique_ptr<Method> make_extragradient(const ExtragradientOptions& options,
                                           const Setting& setting, Exchange& exchange,
                                           std::vector<float> start) {
  check_legs(options, setting.legs);
  return std::make_unique<Extragradient>(options, setting, exchange, std::move(start));
}

}  // namespace laconic
