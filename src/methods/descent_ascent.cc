// Gradient descent-ascent: z = prox(z - mean of rate F_m(z)).
//
// Guarantee: for mu-strongly monotone, L-Lipschitz F and an exact exchange, |z - z*|² falls by
// 1 - mu²/L² a step at the rate mu/L². On bilinear problems without a quadratic term it diverges.
//
// Sends one vector a step. What ranks hand to the exchange is rate F_m, so that with a compressed
// exchange this is
// - with error feedback: EF14 (Seide et al., Interspeech 2014; Stich et al., NeurIPS 2018),
//   p = e + rate F_m; send C(p); e = p - C(p). With ranks that differ it comes to a neighbourhood
//   of z* whose radius falls with the rate.
// - without: compressed descent-ascent, the baseline whose noise does not go away since F_m(z*) is
//   not 0; a biased compressor does not even arrive near.
#include "methods/saddle.h"
#include "methods/turn.h"
#include "methods/vector_ops.h"

namespace laconic {
namespace {

double rate_by_theory(const Setting& setting) {
  require_exact(setting);
  const Constants c = known_constants(setting, true);
  return c.strong_convexity / (c.smoothness * c.smoothness);
}

class DescentAscent final : public Method {
 public:
  DescentAscent(const DescentAscentOptions& options, const Setting& setting, Exchange& exchange,
                std::vector<float> start)
      : rate_(settled_("rate", options.rate, [&] { return rate_by_theory(setting); })),
        batch_(options.batch),
        participants_(static_cast<int>(options.participants)),
        ranks_(setting.ranks),
        rank_(setting.rank),
        exchange_(exchange),
        z_(std::move(start)),
        move_(z_.size()) {}

  Report step(Oracle& oracle, const Step& step) override {
    Turn turn(oracle);
    const auto drawn = draw_participants(step.key, participants_, ranks_);
    std::optional<double> loss;
    if (takes_part(drawn, rank_)) {
      loss = turn.evaluate(z_, {step.index, batch_}, move_);
      scale(static_cast<float>(rate_), move_);
    }
    turn.average(exchange_, move_, {}, {step.index, step.key, drawn});
    subtract(move_, z_);
    turn.prox(rate_, z_);
    return turn.report(loss);
  }

  Floats parameters() const override { return z_; }
  std::string settings() const override { return settled_.text(); }
  void save(StateWriter& writer) const override { writer.floats("parameters", z_); }
  void load(StateReader& reader) override { reader.floats("parameters", z_); }

 private:
  Settled settled_;
  double rate_;
  std::uint32_t batch_;
  int participants_, ranks_, rank_;
  Exchange& exchange_;
  std::vector<float> z_, move_;
};

}  // namespace

std::unique_ptr<Method> make_descent_ascent(const DescentAscentOptions& options,
                                            const Setting& setting, Exchange& exchange,
                                            std::vector<float> start) {
  return std::make_unique<DescentAscent>(options, setting, exchange, std::move(start));
}

}  // namespace laconic
