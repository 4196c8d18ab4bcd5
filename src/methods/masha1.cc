// MASHA1 (Beznosikov, Richtarik, Diskin, Ryabinin and Gasnikov, "Distributed methods with
// compressed communication for solving variational inequalities, with theoretical guarantees",
// NeurIPS 2022, arXiv 2110.03313): extragradient around an anchor w whose operator all know, so
// that only differences are compressed, which vanish at the solution.
//   z̄ = tau z + (1 - tau) w ;  ẑ = prox(z̄ - rate F(w))
//   device m sends Q_m(F_m(ẑ) - F_m(w)) ; what comes back is g = Q_s(mean)
//   z = prox(z̄ - rate (g + F(w))) ;  with probability 1 - tau, by a shared coin, w = z and the
//   devices average F_m(w) densely
// VR-MASHA1: with a batch, the difference is taken on one mini-batch; synchronisations are on all
// data. Partial participation: the ranks of a step are drawn anew; all synchronise.
//
// Guarantee: Q unbiased on both legs. With E|g|² <= C² |ẑ - w|² for the compressed difference,
//   rate = min(sqrt(1 - tau) / (2 C), (1 - tau) / (2 mu))
//   C² = (1 + omega_s) (L² + v L~²),  v = omega / M
// E|z - z*|² falls linearly, by 1 - rate mu / 2 at least, where F is mu-strongly monotone, and the
// averaged gap by 1/k where it is monotone. v is 1 + omega over b for b of M participants, omega
// without independence. With L~ for L, C² is (1 + omega_s) (q + M - 1) L~² / M with q = 1 + omega,
// the form in which we know the paper's. L will do: the errors, independent of each other, add to
// the mean difference, and that is what L bounds. saddle_test holds the rates.
//
// Sends a compressed difference up and down a step, and a dense vector both ways in 1 / (1 - tau)
// steps: with 1 - tau = 1/(1 + omega), k/d for Rand-k, as many values by the one as by the other.
#include <algorithm>
#include <cmath>

#include "base/errors.h"
#include "methods/masha.h"

namespace laconic {
namespace {

double rate_by_theory(const Masha1Options& options, const Setting& setting, double probability) {
  if (options.batch > 0)
    throw ConfigError("method.masha1.rate",
                      "required: the problem's constants are not those of mini-batches");
  require_plain(options.rule, options.rate_floor);
  const Constants c = known_constants(setting, false);
  const Leg& up = setting.legs.up;
  const bool all = everyone_takes_part(options, setting);
  const double noise = up.guarantee.omega + (all ? 0 : 1);
  const double averaged = !up.independent ? 1 : all ? setting.ranks : options.participants;
  const double square = (1 + setting.legs.down.guarantee.omega) *
                        (c.smoothness * c.smoothness +
                         noise / averaged * c.largest_smoothness * c.largest_smoothness);
  const double rate = std::sqrt(probability) / (2 * std::sqrt(square));
  return c.strong_convexity > 0 ? std::min(rate, probability / (2 * c.strong_convexity)) : rate;
}

MashaValues values_of(const Masha1Options& options, const Setting& setting) {
  MashaValues values;
  values.probability = values.settled("sync_probability", options.sync_probability, [&] {
    return sync_probability_by_theory(options, setting, 1 / (1 + setting.legs.up.guarantee.omega));
  });
  values.rate = values.settled(
      "rate", options.rate, [&] { return rate_by_theory(options, setting, values.probability); });
  return values;
}

}  // namespace

void check_legs(const Masha1Options&, const Legs& legs) {
  const auto unbiased = [](const Leg& leg, const char* path) {
    if (!leg.guarantee.unbiased())
      throw ConfigError(path,
                        "expected an unbiased one: masha1 has nothing that makes up for a bias; "
                        "masha2 takes contractive ones");
  };
  unbiased(legs.up, "exchange.compressor");
  unbiased(legs.down, "exchange.down.compressor");
  const auto plain = [](const Leg& leg, const char* path) {
    if (leg.feedback && !leg.exact())
      throw ConfigError(path, "expected false: masha1's differences need no error feedback");
  };
  plain(legs.up, "exchange.error_feedback.on");
  plain(legs.down, "exchange.down.error_feedback.on");
}

std::unique_ptr<Method> make_masha1(const Masha1Options& options, const Setting& setting,
                                    Exchange& exchange, Exchange& dense, std::vector<float> start) {
  check_legs(options, setting.legs);
  return make_masha(options, values_of(options, setting), setting, exchange, dense,
                    std::move(start));
}

}  // namespace laconic
