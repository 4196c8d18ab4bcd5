// MASHA2 (same paper as MASHA1, masha1.cc): the same round with contractive compressors, and error
// feedback on every lossy leg in the place of unbiasedness.
//   z̄ = tau z + (1 - tau) w ;  ẑ = z̄ - rate F(w)
//   device m sends C_m(e_m + F_m(ẑ) - F_m(w)), e_m += input - sent
//   what comes back is g = C_s(e + mean), e += mean - g ;  z = z̄ - rate (g + F(w))
//   with probability 1 - tau w = z, and the devices average F_m(w) densely
// e_m and e are the residuals of the exchange's legs. (The paper has the rate inside C: the same
// where it is constant and C commutes with scaling, as selections and scaled quantizers do.)
// Batches and participants as in MASHA1; who does not take part keeps its e_m.
//
// Guarantee: linear in expectation where F is strongly monotone, at a rate of the order
// sqrt(1 - tau) alpha / L~, alpha the product of both legs' (Beznosikov et al.). The factor 1/2
// that is used in front of it here, and (1 - tau)/(2 mu) as an upper bound, are not the paper's:
// they are what the property tests hold. Theory knows neither prox nor Adam; with a rate that is
// given both are taken, as in MASHA1.
//
// Sends what MASHA1 does: with 1 - tau = alpha, k/d for Top-k.
#include <algorithm>
#include <cmath>

#include "base/errors.h"
#include "methods/masha.h"

namespace laconic {
namespace {

double rate_by_theory(const Masha2Options& options, const Setting& setting, double probability) {
  if (options.batch > 0)
    throw ConfigError("method.masha2.rate",
                      "required: the problem's constants are not those of mini-batches");
  if (setting.oracle.has_prox())
    throw ConfigError("method.masha2.rate",
                      "required: theory has none for problems with a prox; masha1 has");
  require_plain(options.rule, options.rate_floor);
  const Constants c = known_constants(setting, true);
  const double part = everyone_takes_part(options, setting)
                          ? 1
                          : static_cast<double>(options.participants) / setting.ranks;
  const double contraction =
      setting.legs.up.guarantee.alpha * setting.legs.down.guarantee.alpha * part;
  return std::min(std::sqrt(probability) * contraction / (2 * c.largest_smoothness),
                  probability / (2 * c.strong_convexity));
}

MashaValues values_of(const Masha2Options& options, const Setting& setting) {
  MashaValues values;
  values.probability = values.settled("sync_probability", options.sync_probability, [&] {
    return sync_probability_by_theory(options, setting, setting.legs.up.guarantee.alpha);
  });
  values.rate = values.settled(
      "rate", options.rate, [&] { return rate_by_theory(options, setting, values.probability); });
  return values;
}

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
  return make_masha(options, values_of(options, setting), setting, exchange, dense,
                    std::move(start));
}

}  // namespace laconic
