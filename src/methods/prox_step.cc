#include "methods/prox_step.h"

#include <algorithm>

#include "methods/schedule.h"

namespace laconic {

ProxStep::ProxStep(double rate, const Fall& fall, const UpdateRuleOptions& rule, std::size_t count)
    : rate_(rate), fall_(fall), now_(rate), rule_(make_update_rule(rule, count)) {}

void ProxStep::begin(std::uint64_t step) {
  if (fall_.floor < 1)
    now_ = rate_at({.rate = rate_, .shape = CosineSchedule{fall_.floor}}, step, fall_.steps);
}

void ProxStep::operator()(Floats from, Floats g, MutFloats out, const Turn& turn) {
  if (from.data() != out.data()) std::copy(from.begin(), from.end(), out.begin());
  rule_->apply(g, static_cast<float>(now_), out);
  turn.prox(now_, out);
}

void ProxStep::save(StateWriter& writer) const {
  StateWriter::Scope scope(writer, "rule");
  rule_->save(writer);
}

void ProxStep::load(StateReader& reader) {
  StateReader::Scope scope(reader, "rule");
  rule_->load(reader);
}

}  // namespace laconic
