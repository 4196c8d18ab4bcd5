#pragma once

#include "base/rng.h"
#include "problems/dense.h"

namespace laconic {

/// The largest eigenvalue of A, by power iteration from a random start until a product changes it
/// by less than 1e-10, or 2,000 products. Approaches it from below: after k products the expected
/// relative error is at most 0.871 ln(count) / (k - 1) on any spectrum (Kuczynski and Wozniakowski
/// 1992), and much less where the eigenvalues below it keep a distance. 0 for A = 0.
double largest_eigenvalue(std::size_t count, const SymmetricProduct& product, const RngKey& key);

/// The same raised by one percent, for those who need to be above.
double largest_eigenvalue_bound(std::size_t count, const SymmetricProduct& product,
                                const RngKey& key);

}  // namespace laconic
