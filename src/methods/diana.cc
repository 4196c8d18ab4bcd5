// DIANA descent-ascent (Mishchenko et al. 2019 for minimisation; for variational inequalities
// Beznosikov et al., "Stochastic gradient descent-ascent: unified theory and new efficient
// methods", 2022). Each rank compresses how its operator differs from a memory h_m that all keep
// track of:
//   m_m = Q(F_m(z) - h_m) ; z = prox(z - rate (h + mean m_m)) ; h_m += a m_m ; h += a mean m_m
//
// Guarantee: Q unbiased, ranks independent, all F_m L~-Lipschitz, F mu-strongly monotone. Then
// E<F - F*, .> bounds mean |F_m - F_m*|² by L~²/mu of it, and with the rate
//   mu / (L~² (1 + 6 omega / M)),  a = 1/(1 + omega)
// E[|z - z*|² + (4 omega / (M a)) rate² mean |h_m - F_m(z*)|²] falls by 1 - min(rate mu, a/2) a
// step; without independence 6 omega takes the place of 6 omega / M, and b participants that of M.
//
// Sends one compressed vector a step, up; what comes down has to be exact, for the memory h that
// all keep to stay the mean of the h_m.
#include <algorithm>

#include "base/errors.h"
#include "methods/saddle.h"
#include "methods/turn.h"
#include "methods/vector_ops.h"

namespace laconic {
namespace {

double rate_by_theory(const DianaOptions& options, const Setting& setting) {
  if (options.batch > 0)
    throw ConfigError("method.diana.rate", "required: theory has none for mini-batches");
  const Constants c = known_constants(setting, true);
  // Drawing b of M ranks makes noise of the operators' own differences: memories do away with it
  // as with that of compression.
  const bool all = options.participants == 0;
  const double averaged = !setting.legs.up.independent ? 1
                          : all                        ? setting.ranks
                                                       : options.participants;
  const double omega = setting.legs.up.guarantee.omega + (all ? 0 : 1);
  return c.strong_convexity /
         (c.largest_smoothness * c.largest_smoothness * (1 + 6 * omega / averaged));
}

class Diana final : public Method {
 public:
  Diana(const DianaOptions& options, const Setting& setting, Exchange& exchange,
        std::vector<float> start)
      : rate_(settled_("rate", options.rate, [&] { return rate_by_theory(options, setting); })),
        memory_rate_(settled_("memory_rate", options.memory_rate,
                              [&] { return 1 / (1 + setting.legs.up.guarantee.omega); })),
        batch_(options.batch),
        participants_(static_cast<int>(options.participants)),
        ranks_(setting.ranks),
        rank_(setting.rank),
        exchange_(exchange),
        z_(std::move(start)),
        difference_(z_.size()),
        sent_(z_.size()),
        own_memory_(z_.size()),
        memory_(z_.size()) {}

  Report step(Oracle& oracle, const Step& step) override {
    Turn turn(oracle);
    const auto drawn = draw_participants(step.key, participants_, ranks_);
    std::optional<double> loss;
    if (takes_part(drawn, rank_)) {
      loss = turn.evaluate(z_, {step.index, batch_}, difference_);
      subtract(own_memory_, difference_);
    }
    turn.average(exchange_, difference_, sent_, {step.index, step.key, drawn});
    axpy(-static_cast<float>(rate_), memory_, z_);
    axpy(-static_cast<float>(rate_), difference_, z_);
    turn.prox(rate_, z_);
    axpy(static_cast<float>(memory_rate_), sent_, own_memory_);
    const double part = drawn.empty() ? 1 : static_cast<double>(drawn.size()) / ranks_;
    axpy(static_cast<float>(memory_rate_ * part), difference_, memory_);
    return turn.report(loss);
  }

  Floats parameters() const override { return z_; }
  std::string settings() const override { return settled_.text(); }
  void save(StateWriter& writer) const override {
    writer.floats("parameters", z_);
    writer.floats("own_memory", own_memory_);
    writer.floats("memory", memory_);
  }
  void load(StateReader& reader) override {
    reader.floats("parameters", z_);
    reader.floats("own_memory", own_memory_);
    reader.floats("memory", memory_);
  }

 private:
  Settled settled_;
  double rate_, memory_rate_;
  std::uint32_t batch_;
  int participants_, ranks_, rank_;
  Exchange& exchange_;
  std::vector<float> z_, difference_, sent_;
  std::vector<float> own_memory_, memory_;  // h_m and h
};

}  // namespace

void check_legs(const DianaOptions&, const Legs& legs) {
  if (!legs.up.guarantee.unbiased())
    throw ConfigError("exchange.compressor",
                      "expected an unbiased one: diana's memories settle in the mean alone, and "
                      "what a biased one leaves out is never made up for");
  if (legs.up.feedback)
    throw ConfigError("exchange.error_feedback.on",
                      "expected false: diana's memories take its place");
  if (!legs.down.exact())
    throw ConfigError("exchange.down",
                      "expected identity: the memory that all ranks keep would drift away from "
                      "the mean of their own");
}

std::unique_ptr<Method> make_diana(const DianaOptions& options, const Setting& setting,
                                   Exchange& exchange, std::vector<float> start) {
  check_legs(options, setting.legs);
  return std::make_unique<Diana>(options, setting, exchange, std::move(start));
}

}  // namespace laconic
