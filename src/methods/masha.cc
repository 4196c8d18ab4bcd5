#include "methods/masha.h"

#include <algorithm>

#include "methods/anchor.h"
#include "methods/prox_step.h"
#include "methods/vector_ops.h"

namespace laconic {
namespace {

/// The formula stands in masha1.cc.
class Masha final : public Method {
 public:
  Masha(const MashaOptions& options, MashaValues values, const Setting& setting, Exchange& exchange,
        Exchange& dense, std::vector<float> start)
      : values_(std::move(values)),
        participants_(static_cast<int>(options.participants)),
        ranks_(setting.ranks),
        rank_(setting.rank),
        exchange_(exchange),
        anchor_(dense, start, {.batch = options.batch, .anchor_batch = options.anchor_batch}),
        move_(values_.rate, {options.rate_floor, setting.steps}, options.rule, start.size()),
        z_(std::move(start)),
        between_(z_.size()),
        half_(z_.size()),
        difference_(z_.size()) {}

  Report step(Oracle& oracle, const Step& step) override {
    Turn turn(oracle);
    move_.begin(step.index);
    anchor_.settle(turn, another(step, 1));
    const auto kept = static_cast<float>(1 - values_.probability);
    combine(kept, z_, 1 - kept, anchor_.point(), between_);
    move_(between_, anchor_.mean(), half_, turn);

    const auto drawn = draw_participants(step.key, participants_, ranks_);
    std::optional<double> loss;
    if (takes_part(drawn, rank_)) loss = anchor_.difference(half_, difference_, turn, step);
    turn.average(exchange_, difference_, {}, {step.index, step.key, drawn});

    add(anchor_.mean(), difference_);
    move_(between_, difference_, z_, turn);
    anchor_.maybe_move(z_, values_.probability, turn, another(step, 2));
    return turn.report(loss);
  }

  Floats parameters() const override { return z_; }
  double averages_per_step() const override { return 1 + values_.probability; }
  std::string settings() const override { return values_.settled.text(); }

  void save(StateWriter& writer) const override {
    writer.floats("parameters", z_);
    move_.save(writer);
    StateWriter::Scope scope(writer, "anchor");
    anchor_.save(writer);
  }
  void load(StateReader& reader) override {
    reader.floats("parameters", z_);
    move_.load(reader);
    StateReader::Scope scope(reader, "anchor");
    anchor_.load(reader);
  }

 private:
  MashaValues values_;
  int participants_, ranks_, rank_;
  Exchange& exchange_;
  Anchor anchor_;
  ProxStep move_;
  std::vector<float> z_, between_, half_, difference_;
};

}  // namespace

bool everyone_takes_part(const MashaOptions& options, const Setting& setting) {
  return options.participants == 0 || static_cast<int>(options.participants) == setting.ranks;
}

double sync_probability_by_theory(const MashaOptions& options, const Setting& setting,
                                  double kept) {
  double probability = kept;
  if (!everyone_takes_part(options, setting))
    probability *= static_cast<double>(options.participants) / setting.ranks;
  const auto examples = static_cast<double>(setting.oracle.examples());
  const double anchor = options.anchor_batch > 0 ? options.anchor_batch : examples;
  if (options.batch > 0 && anchor > 0) probability = std::min(probability, options.batch / anchor);
  return probability;
}

std::unique_ptr<Method> make_masha(const MashaOptions& options, MashaValues values,
                                   const Setting& setting, Exchange& exchange, Exchange& dense,
                                   std::vector<float> start) {
  return std::make_unique<Masha>(options, std::move(values), setting, exchange, dense,
                                 std::move(start));
}

}  // namespace laconic
