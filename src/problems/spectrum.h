#pragma once

#include <functional>
#include <span>

#include "base/rng.h"

namespace laconic {

/// out = A v for a symmetric, positive semidefinite A.
using SymmetricProduct = std::function<void(std::span<const double> v, std::span<double> out)>;

/// The largest eigenvalue of A, from above: power iteration from a random start, which approaches
/// it from below (after k products the expected relative error is at most 0.871 ln(count) / (k - 1)
/// on any spectrum; Kuczynski and Wozniakowski 1992), raised by one percent. 0 for A = 0.
double largest_eigenvalue(std::size_t count, const SymmetricProduct& product, const RngKey& key);

}  // namespace laconic
