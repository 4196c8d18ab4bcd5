// Local extragradient (Beznosikov, Samokhin and Gasnikov, "Distributed saddle-point problems: lower
// bounds, near-optimal and robust algorithms", 2020, its Extra Step Local SGD): each rank makes
// some steps of extragradient on its own F_m, then all take the average of where they came to.
//
// Guarantee: that of extragradient on one rank, or where ranks do not differ. Else it comes to a
// neighbourhood of z* that grows with rate times local_steps and with how much ranks differ. The
// rate that is left to theory is that of extragradient with L~ for L.
//
// Sends one vector, how far a rank has moved, in local_steps times two calls of the oracle.
#include "base/errors.h"
#include "methods/prox_step.h"
#include "methods/saddle.h"
#include "methods/vector_ops.h"

namespace laconic {
namespace {

double rate_by_theory(const Setting& setting) {
  require_exact(setting);
  const Constants c = known_constants(setting, false);
  return 1 / (2 * (c.largest_smoothness + c.strong_convexity));
}

class LocalExtragradient final : public Method {
 public:
  LocalExtragradient(const LocalExtragradientOptions& options, const Setting& setting,
                     Exchange& exchange, std::vector<float> start)
      : move_(settled_("rate", options.rate, [&] { return rate_by_theory(setting); }), {},
              SgdOptions{}, start.size()),
        batch_(options.batch),
        local_steps_(options.local_steps),
        exchange_(exchange),
        z_(std::move(start)),
        local_(z_.size()),
        half_(z_.size()),
        operator_(z_.size()) {}

  Report step(Oracle& oracle, const Step& step) override {
    Turn turn(oracle);
    local_ = z_;
    double loss = 0;
    for (std::uint32_t i = 0; i < local_steps_; ++i) {
      const Sample sample{step.index * local_steps_ + i, batch_};
      move(local_, half_, sample, turn);
      loss = move(half_, local_, sample, turn);
    }
    subtract(z_, local_);
    turn.average(exchange_, local_, {}, step);
    add(local_, z_);
    return turn.report(loss);
  }

  Floats parameters() const override { return z_; }
  std::string settings() const override { return settled_.text(); }
  void save(StateWriter& writer) const override { writer.floats("parameters", z_); }
  void load(StateReader& reader) override { reader.floats("parameters", z_); }

 private:
  /// out = prox(local - rate F_m(at)).
  double move(Floats at, MutFloats out, const Sample& sample, Turn& turn) {
    const double loss = turn.evaluate(at, sample, operator_);
    move_(local_, operator_, out, turn);
    return loss;
  }

  Settled settled_;
  ProxStep move_;
  std::uint32_t batch_, local_steps_;
  Exchange& exchange_;
  std::vector<float> z_, local_, half_, operator_;
};

}  // namespace

std::unique_ptr<Method> make_local_extragradient(const LocalExtragradientOptions& options,
                                                 const Setting& setting, Exchange& exchange,
                                                 std::vector<float> start) {
  if (options.local_steps < 1)
    throw ConfigError("method.local_extragradient.local_steps", "expected at least 1");
  return std::make_unique<LocalExtragradient>(options, setting, exchange, std::move(start));
}

}  // namespace laconic
