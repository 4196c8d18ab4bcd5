#pragma once

#include <variant>

#include "base/types.h"

/// The h of composite problems f + h: simple functions whose prox has a closed form.
namespace laconic {

/// h = 0.
struct NoProx {};
/// |x| <= radius.
struct BallProx {
  double radius = 1;
};
/// low <= x_i <= high.
struct BoxProx {
  double low = -1;
  double high = 1;
};
/// x_i >= 0, sum x_i = 1.
struct SimplexProx {};
/// weight * sum |x_i|.
struct L1Prox {
  double weight = 1e-3;
};

using ProxOptions = std::variant<NoProx, BallProx, BoxProx, SimplexProx, L1Prox>;

/// Throws ConfigError, with the field's name alone ("radius"), where an option is out of range.
void check_prox(const ProxOptions& options);

/// x = argmin_y h(y) + |y - x|²/(2 step): for sets the nearest point of the set, whatever the step.
/// One or two passes over memory; a few for the simplex. Sums are in double.
void apply_prox(const ProxOptions& options, float step, MutFloats x);

}  // namespace laconic
