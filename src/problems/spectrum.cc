#include "problems/spectrum.h"

#include <cmath>
#include <vector>

namespace laconic {
namespace {

double normalise(std::vector<double>& v) {
  const double norm = std::sqrt(dot(v, v));
  if (norm > 0)
    for (double& value : v) value /= norm;
  return norm;
}

}  // namespace

double largest_eigenvalue(std::size_t count, const SymmetricProduct& product, const RngKey& key) {
  constexpr int kProducts = 2000;
  constexpr double kSettled = 1e-10;
  std::vector<double> v(count), next(count);
  for (std::size_t i = 0; i < count; ++i) v[i] = normal(key, i);
  normalise(v);
  double eigenvalue = 0;
  for (int i = 0; i < kProducts; ++i) {
    product(v, next);
    v.swap(next);
    const double last = eigenvalue;
    eigenvalue = normalise(v);
    if (std::abs(eigenvalue - last) <= kSettled * eigenvalue) break;
  }
  return eigenvalue;
}

double largest_eigenvalue_bound(std::size_t count, const SymmetricProduct& product,
                                const RngKey& key) {
  return 1.01 * largest_eigenvalue(count, product, key);
}

}  // namespace laconic
