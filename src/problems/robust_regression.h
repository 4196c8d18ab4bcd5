#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "base/sampling.h"
#include "methods/oracle.h"
#include "problems/libsvm.h"

namespace laconic {

/// Linear regression against an adversary who moves all examples by r:
/// min over |w| <= w_radius, max over |r| <= r_radius of
/// mean over examples of 1/2 (w'(a + r) - b)² + w_l2/2 |w|² - r_l2/2 |r|².
struct RobustRegressionOptions {
  std::filesystem::path path = {};
  double w_radius = 1;
  double r_radius = 0.5;
  double w_l2 = 0.1;
  double r_l2 = 1.1;                          ///< At least w_radius², which makes f concave in r.
  Partition partition = Partition::shuffled;  ///< How examples go to ranks.
};

/// Rank `rank`'s operator F_m(w, r) = (df_m/dw, -df_m/dr) on z = (w, r), w first, over its part of
/// the data; b is the label as written. prox is the projection onto both balls; starts at 0.
///
/// Scores are those of the mean over all examples that ranks hold, the same on every share: loss f,
/// gap max_r' f(w, r') - min_w' f(w', r) over the balls; `examples` is 1. Constants hold on the
/// balls: L and L~ are bounds, mu = min(w_l2, r_l2 - w_radius²). Sums are in double, then rounded.
/// Holds the d x d matrix of second moments, for the gap: for data of some thousand columns at
/// most.
///
/// Throws ConfigError, with the field's name alone, where an option is out of range, and DataError
/// where there are fewer examples than ranks or more than 4,096 columns.
std::unique_ptr<Oracle> make_robust_regression(const RobustRegressionOptions& options,
                                               std::shared_ptr<const LibsvmData> data,
                                               std::uint64_t seed, int rank, int ranks);

}  // namespace laconic
