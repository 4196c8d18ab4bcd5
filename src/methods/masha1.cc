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
// averaged gap by 1/k where it is monotone. (As the paper's is remembered its C² has L~² in the
// place of L²; ours counts the cross terms of independent errors as those of the mean. It has not
// been checked against the paper's proof: saddle_test holds what it gives.) v is 1 + omega over b
// for b of M participants, omega without independence.
//
// Sends a compressed difference up and down a step, and a dense vector both ways in 1 / (1 - tau)
// steps: with 1 - tau = 1/(1 + omega), k/d for Rand-k, as many values by the one as by the other.
#include <algorithm>
#include <cmath>

#include "base/errors.h"
#include "methods/anchor.h"
#include "methods/saddle.h"
#include "methods/vector_ops.h"

namespace laconic {
namespace {

bool everyone(const Masha1Options& options, const Setting& setting) {
  return options.participants == 0 || static_cast<int>(options.participants) == setting.ranks;
}

/// 1 - tau: k/d, and less where few take part or batches are a small part of the data.
double probability_by_theory(const Masha1Options& options, const Setting& setting) {
  double probability = 1 / (1 + setting.legs.up.guarantee.omega);
  if (!everyone(options, setting))
    probability *= static_cast<double>(options.participants) / setting.ranks;
  const auto examples = static_cast<double>(setting.oracle.examples());
  if (options.batch > 0 && examples > 0)
    probability = std::min(probability, options.batch / examples);
  return probability;
}

double rate_by_theory(const Masha1Options& options, const Setting& setting, double probability) {
  if (options.batch > 0)
    throw ConfigError("method.masha1.rate",
                      "required: the problem's constants are not those of mini-batches");
  const Constants c = known_constants(setting, false);
  const Leg& up = setting.legs.up;
  const double averaged = everyone(options, setting) ? setting.ranks : options.participants;
  const double noise = up.guarantee.omega + (everyone(options, setting) ? 0 : 1);
  const double variance = up.independent ? noise / averaged : noise;
  const double square =
      (1 + setting.legs.down.guarantee.omega) *
      (c.smoothness * c.smoothness + variance * c.largest_smoothness * c.largest_smoothness);
  const double rate = std::sqrt(probability) / (2 * std::sqrt(square));
  return c.strong_convexity > 0 ? std::min(rate, probability / (2 * c.strong_convexity)) : rate;
}

class Masha1 final : public Method {
 public:
  Masha1(const Masha1Options& options, const Setting& setting, Exchange& exchange, Exchange& dense,
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
        between_(z_.size()),
        half_(z_.size()),
        difference_(z_.size()) {}

  Report step(Oracle& oracle, const Step& step) override {
    Turn turn(oracle);
    anchor_.settle(turn, another(step, 1));
    const auto rate = static_cast<float>(rate_), kept = static_cast<float>(1 - probability_);
    combine(kept, z_, 1 - kept, anchor_.point(), between_);
    combine(1, between_, -rate, anchor_.mean(), half_);
    turn.prox(rate_, half_);

    const double loss = anchor_.difference(half_, difference_, turn, step);
    const auto drawn = draw_participants(step.key, participants_, ranks_);
    turn.average(exchange_, difference_, {}, {step.index, step.key, drawn});

    add(anchor_.mean(), difference_);
    combine(1, between_, -rate, difference_, z_);
    turn.prox(rate_, z_);
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
  std::vector<float> z_, between_, half_, difference_;
};

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
  return std::make_unique<Masha1>(options, setting, exchange, dense, std::move(start));
}

}  // namespace laconic
