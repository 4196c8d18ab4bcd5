#pragma once

#include "base/rng.h"
#include "problems/dense.h"

namespace laconic {

/// The largest eigenvalue of A, by Lanczos (1950) from a random start, until eight products change
/// it by less than 1e-10, or 2,000 products. Approaches it from below: the chance that k products
/// leave a relative error above e is at most about sqrt(count) exp(-(2k - 1) sqrt(e)) on any
/// spectrum (Kuczynski and Wozniakowski 1992). 0 for A = 0. Working memory: three vectors.
double largest_eigenvalue(std::size_t count, const SymmetricProduct& product, const RngKey& key);

/// The same raised by one percent, for those who need to be above.
double largest_eigenvalue_bound(std::size_t count, const SymmetricProduct& product,
                                const RngKey& key);

}  // namespace laconic
