#pragma once

#include <cstdint>
#include <memory>

#include "methods/oracle.h"

namespace laconic {

/// The policeman and the burglar (Nemirovski, "Mini-course on convex programming algorithms",
/// 2013): n houses stand in a row. The burglar breaks into house j, which holds w_j; the policeman,
/// who waits at house i, catches him with probability exp(-|i - j| / reach). Over mixed strategies,
/// the policeman's x and the burglar's y on simplices, min over x, max over y of x'Ay with A_ij =
/// w_j (1 - exp(-|i - j| / reach)). Ranks have seen other wealths; f is the mean of their f_m.
struct MatrixGameOptions {
  std::uint64_t houses = 100;
  double reach = 5;   ///< In houses.
  double spread = 1;  ///< Rank m's w_j = |normal_j + spread * normal_mj|.
};

/// Rank `rank`'s operator F_m(x, y) = (A_m y, -A_m'x) on z = (x, y), x first, in O(houses): A is
/// never built. prox is the projection onto both simplices; starts at their centres; has no
/// examples. Scores are those of the mean game, the same on every share: gap max_j (A'x)_j - min_i
/// (A y)_i, loss x'Ay; `examples` is 1. Constants: L and L~ from above, mu = 0. In double, then
/// rounded. Throws ConfigError, with the field's name alone, where an option is out of range.
std::unique_ptr<Oracle> make_matrix_game(const MatrixGameOptions& options, std::uint64_t seed,
                                         int rank, int ranks);

}  // namespace laconic
