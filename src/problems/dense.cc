#include "problems/dense.h"

#include <array>

#include "base/errors.h"

namespace laconic {

double dot(std::span<const double> a, std::span<const double> b) {
  constexpr std::size_t kLanes = 8;
  std::array<double, kLanes> lanes{};
  const std::size_t whole = a.size() - a.size() % kLanes;
  for (std::size_t i = 0; i < whole; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += a[i + lane] * b[i + lane];
  for (std::size_t i = whole; i < a.size(); ++i) lanes[i - whole] += a[i] * b[i];
  for (std::size_t half = kLanes / 2; half > 0; half /= 2)
    for (std::size_t lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
  return lanes[0];
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
