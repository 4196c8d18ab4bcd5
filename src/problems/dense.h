#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <span>
#include <vector>

/// The little linear algebra that problems need to know their own constants and solutions. In
/// double; the order of addition is fixed.
namespace laconic {

/// out = A v for a symmetric, positive semidefinite A.
using SymmetricProduct = std::function<void(std::span<const double> v, std::span<double> out)>;

/// Sum of term(i) over i < count: in 8 lanes, which are then added up in pairs, whatever the width
/// of registers.
template <typename Term>
double sum_in_lanes(std::size_t count, Term term) {
  constexpr std::size_t kLanes = 8;
  std::array<double, kLanes> lanes{};
  const std::size_t whole = count - count % kLanes;
  for (std::size_t i = 0; i < whole; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += term(i + lane);
  for (std::size_t i = whole; i < count; ++i) lanes[i - whole] += term(i);
  for (std::size_t half = kLanes / 2; half > 0; half /= 2)
    for (std::size_t lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
  return lanes[0];
}

double dot(std::span<const double> a, std::span<const double> b);

/// The x of A x = right for a positive definite A, by conjugate gradients from 0 until the residual
/// is 1e-15 of `right`. Throws NumericError where that takes more than 20 x.size() + 1000 products
/// or A turns out not to be positive definite.
std::vector<double> solve(const SymmetricProduct& product, std::span<const double> right);

}  // namespace laconic
