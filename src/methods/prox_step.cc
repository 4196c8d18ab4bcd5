#include "methods/prox_step.h"

#include <algorithm>

namespace laconic {
ProxStep::ProxStep(double rate, const UpdateRuleOptions& rule, std::size_t count)
    : rate_(rate), rule_(make_update_rule(rule, count)) {}

void ProxStep::operator()(Floats from, Floats g, MutFloats out, const Turn& turn) {
  if (from.data() != out.data()) std::copy(from.begin(), from.end(), out.begin());
  rule_->apply(g, static_cast<float>(rate_), out);
  turn.prox(rate_, out);
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
