// MASHA2 (same paper as MASHA1, masha1.cc): the same anchor with contractive compressors, and error
// feedback on every lossy leg in the place of unbiasedness.
//   z̄ = tau z + (1 - tau) w ;  ẑ = z̄ - rate F(w)
//   device m sends C_m(e_m + rate F_m(ẑ) - rate F_m(w)), e_m += input - sent
//   what comes back is g = C_s(e + mean), e += mean - g ;  z = ẑ - g
//   with probability 1 - tau w = z, and the devices average F_m(w) densely
// e_m and e are the residuals of the exchange's legs. Batches and participants as in MASHA1; who
// does not take part keeps its e_m.
//
// Guarantee: linear in expectation where F is strongly monotone, at a rate of the order
// sqrt(1 - tau) alpha / L~, alpha the product of both legs' (Beznosikov et al.). The factor 1/2
// that is used in front of it here, and (1 - tau)/(2 mu) as an upper bound, are not the paper's:
// they are what the property tests hold. There is no prox: refused.
//
// Sends what MASHA1 does: with 1 - tau = alpha, k/d for Top-k.
#include <algorithm>
#include <cmath>

#include "base/errors.h"
#include "methods/anchor.h"
#include "methods/saddle.h"
#include "methods/vector_ops.h"

namespace laconic {
namespace {

double probability_by_theory(const Masha2Options& options, const Setting& setting) {
  double probability = setting.legs.up.guarantee.alpha;
  if (options.participants > 0)
    probability *= static_cast<double>(options.participants) / setting.ranks;
  const auto examples = static_cast<double>(setting.oracle.examples());
  if (options.batch > 0 && examples > 0)
    probability = std::min(probability, options.batch / examples);
  return probability;
}

double rate_by_theory(const Masha2Options& options, const Setting& setting, double probability) {
  if (options.batch > 0)
    throw ConfigError("method.masha2.rate",
                      "required: the problem's constants are not those of mini-batches");
  const Constants c = known_constants(setting, true);
  const double part =
      options.participants > 0 ? static_cast<double>(options.participants) / setting.ranks : 1;
  const double contraction =
      setting.legs.up.guarantee.alpha * setting.legs.down.guarantee.alpha * part;
  return std::min(std::sqrt(probability) * contraction / (2 * c.largest_smoothness),
                  probability / (2 * c.strong_convexity));
}

class Masha2 final : public Method {
 public:
  Masha2(const Masha2Options& options, const Setting& setting, Exchange& exchange, Exchange& dense,
         std::vector<float> start)
      : probability_(settled_("sync_probability", options.sync_probability,
                              [&] { return probability_by_theory(options, setting); })),
        rate_(settled_("rate", options.rate,
                       [&] { return rate_by_theory(options, setting, probability_); })),
        participants_(static_cast<int>(options.participants)),
        ranks_(setting.ranks),
        exchange_(exchange),
        anchor_(dense, start, options.batch),
        z_(std::move(start)),
        half_(z_.size()),
        difference_(z_.size()) {}

  Report step(Oracle& oracle, const Step& step) override {
    Turn turn(oracle);
    anchor_.settle(turn, another(step, 1));
    const auto rate = static_cast<float>(rate_), kept = static_cast<float>(1 - probability_);
    combine(kept, z_, 1 - kept, anchor_.point(), half_);
    axpy(-rate, anchor_.mean(), half_);

    const double loss = anchor_.difference(half_, difference_, turn, step);
    scale(rate, difference_);
    const auto drawn = draw_participants(step.key, participants_, ranks_);
    turn.average(exchange_, difference_, {}, {step.index, step.key, drawn});

    combine(1, half_, -1, difference_, z_);
    anchor_.maybe_move(z_, probability_, turn, another(step, 2));
    return turn.report(loss);
  }

  Floats parameters() const override { return z_; }
  double averages_per_step() const override { return 1 + probability_; }
  std::string settings() const override { return settled_.text(); }
  void save(StateWriter& writer) const override {
    writer.floats("parameters", z_);
    StateWriter::Scope scope(writer, "anchor");
    anchor_.save(writer);
  }
  void load(StateReader& reader) override {
    reader.floats("parameters", z_);
    StateReader::Scope scope(reader, "anchor");
    anchor_.load(reader);
  }

 private:
  Settled settled_;
  double probability_, rate_;
  int participants_, ranks_;
  Exchange& exchange_;
  Anchor anchor_;
  std::vector<float> z_, half_, difference_;
};

}  // namespace

void check_legs(const Masha2Options&, const Legs& legs) {
  const auto contractive = [](const Leg& leg, const std::string& path) {
    if (leg.exact()) return;
    if (!leg.guarantee.contractive())
      throw ConfigError(path + "compressor",
                        "expected a contractive one: with any other the residuals of masha2 grow "
                        "without end; masha1 takes unbiased ones");
    if (!leg.feedback)
      throw ConfigError(path + "error_feedback.on",
                        "expected true: masha2 needs what a leg leaves out to be made up for");
  };
  contractive(legs.up, "exchange.");
  contractive(legs.down, "exchange.down.");
}

std::unique_ptr<Method> make_masha2(const Masha2Options& options, const Setting& setting,
                                    Exchange& exchange, Exchange& dense, std::vector<float> start) {
  check_legs(options, setting.legs);
  if (setting.oracle.has_prox())
    throw ConfigError("method.masha2", "has no prox step, which the problem asks for: use masha1");
  return std::make_unique<Masha2>(options, setting, exchange, dense, std::move(start));
}

}  // namespace laconic
