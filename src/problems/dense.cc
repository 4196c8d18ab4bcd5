#include "problems/dense.h"

#include "base/errors.h"
#include "base/lanes.h"

namespace laconic {

double dot(std::span<const double> a, std::span<const double> b) {
  return sum_in_lanes<8>(a.size(), [a, b](std::size_t i) { return a[i] * b[i]; });
}

std::vector<double> solve(const SymmetricProduct& product, std::span<const double> right) {
  constexpr double kResidual = 1e-15;
  const std::size_t count = right.size(), most = 20 * count + 1000;
  std::vector<double> x(count), residual(right.begin(), right.end()), direction = residual,
                                                                      image(count);
  double square = dot(residual, residual);
  const double enough = kResidual * kResidual * square;
  for (std::size_t i = 0; square > enough; ++i) {
    product(direction, image);
    const double curvature = dot(direction, image);
    if (i == most || !(curvature > 0)) throw NumericError("conjugate gradients did not converge");
    const double step = square / curvature;
    for (std::size_t j = 0; j < count; ++j) {
      x[j] += step * direction[j];
      residual[j] -= step * image[j];
    }
    const double last = square;
    square = dot(residual, residual);
    for (std::size_t j = 0; j < count; ++j)
      direction[j] = residual[j] + square / last * direction[j];
  }
  return x;
}

}  // namespace laconic
