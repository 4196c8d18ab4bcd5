#pragma once

#include <cstdint>
#include <memory>

#include "methods/oracle.h"

namespace laconic {

/// min over x, max over y of the mean of f_m(x, y) = x'A_m y + a_m'x + b_m'y + l/2 (|x|² - |y|²)
/// with A_m = B + spread * normal, B, a_m and b_m normal: the test bed of "Distributed Methods with
/// Compressed Communication for Solving Variational Inequalities" (Beznosikov et al., NeurIPS
/// 2022).
struct BilinearOptions {
  std::uint64_t dimensions = 50;  ///< Of x and of y each.
  double condition = 30;          ///< Smoothness of the mean operator / l. Above 1; decides l.
  double spread = 0.5;            ///< How much ranks differ.
  bool diagonal = false;          ///< All A_m are diagonal: what remains at 100,000 dimensions.
  /// Row i and column i of A_m and elements i of a_m and b_m are multiplied by a factor that falls
  /// evenly on a logarithmic scale, from 1 to 1 / this.
  double scale_range = 1;
  /// f_m is a mean of this many pieces, whose couplings differ from A_m by a diagonal that is noise
  /// * normal and sums to 0 over them. 0: no examples, samples are ignored.
  std::uint32_t pieces = 0;
  double noise = 1;
  double start = 0;  ///< The first point is this times normal.

  friend bool operator==(const BilinearOptions&, const BilinearOptions&) = default;
};

/// What all ranks know: the mean problem and its solution. Made once in a process, on all cores
/// (the time of M d² normal values and, for l and the solution, some hundreds of products
/// with the mean A). It keeps the A_m of ranks that were asked for, so that who makes them again,
/// as each trial of a bench does, has them at once. Threads may share it.
class BilinearInstance;
std::shared_ptr<const BilinearInstance> make_bilinear_instance(const BilinearOptions& options,
                                                               std::uint64_t seed, int ranks);

/// Rank `rank`'s operator F_m(x, y) = (df_m/dx, -df_m/dy) on z = (x, y), x first; the loss is f_m.
/// Scores are those of the mean problem, the same on every share: distance |z - z*|²,
/// gap max_y' f(x, y') - min_x' f(x', y), loss f(x, y); `examples` is 1. A_m is held in float, all
/// arithmetic is in double. Constants: L from the mean A, L~ from every A_m (each is made anew for
/// it, once for the instance), both from above, mu = l. The instance throws ConfigError, with the
/// field's name alone.
std::unique_ptr<Oracle> make_bilinear(std::shared_ptr<const BilinearInstance> instance, int rank);

}  // namespace laconic
