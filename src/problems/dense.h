#pragma once

#include <functional>
#include <span>
#include <vector>

/// The little linear algebra that problems need to know their own constants and solutions. In
/// double; the order of addition is fixed.
namespace laconic {

/// out = A v for a symmetric, positive semidefinite A.
using SymmetricProduct = std::function<void(std::span<const double> v, std::span<double> out)>;

double dot(std::span<const double> a, std::span<const double> b);

/// The x of A x = right for a positive definite A, by conjugate gradients from 0 until the residual
/// is 1e-15 of `right`. Throws NumericError where that takes more than 20 x.size() + 1000 products
/// or A turns out not to be positive definite.
std::vector<double> solve(const SymmetricProduct& product, std::span<const double> right);

}  // namespace laconic
