#pragma once

#include <cstdint>
#include <memory>

#include "methods/oracle.h"
#include "problems/prox.h"

namespace laconic {

/// f_m(x) = 1/2 (x - c_m)' D (x - c_m): the smallest problem on which compression shows what it
/// does, with all that theory asks for known.
struct QuadraticOptions {
  std::uint64_t dimensions = 1000;
  double condition = 10;  ///< D is diagonal, from 1 to this, evenly spaced on a logarithmic scale.
  double spread = 1;      ///< c_m = c + spread * normal: how much ranks differ. c is normal too.
  ProxOptions prox = {};  ///< The h of f + h.
};

/// Rank `rank`'s f_m. The c_m are functions of the seed and the rank, so that every rank knows the
/// solution: the mean of the c_m, where f, the mean of the f_m, is as small as it gets. Starts at
/// 0; has no examples and ignores samples. Scores are those of f, the same on every share: loss
/// f(x), gap f(x) - f*, distance |x - x*|²; `examples` is 1. All arithmetic is in double, the
/// gradient is then rounded. Throws ConfigError, with the field's name alone, where an option is
/// out of range.
std::unique_ptr<Oracle> make_quadratic(const QuadraticOptions& options, std::uint64_t seed,
                                       int rank, int ranks);

}  // namespace laconic
