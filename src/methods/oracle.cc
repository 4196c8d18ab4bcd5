#include "methods/oracle.h"

#include "base/errors.h"

namespace laconic {

bool Oracle::has_prox() const { return false; }
void Oracle::prox(float, MutFloats) const {}

void Oracle::hessian_vector(Floats, const Sample&, Floats, MutFloats) {
  throw ConfigError("problem", "expected one that gives products with its Hessian");
}

Constants Oracle::constants() const { return {}; }

void Oracle::save(StateWriter&) const {}
void Oracle::load(StateReader&) {}

}  // namespace laconic
