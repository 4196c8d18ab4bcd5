#include "problems/spectrum.h"

#include <cmath>
#include <numeric>
#include <vector>

namespace laconic {
namespace {

double normalise(std::vector<double>& v) {
  const double norm = std::sqrt(std::inner_product(v.begin(), v.end(), v.begin(), 0.0));
  if (norm > 0)
    for (double& value : v) value /= norm;
  return norm;
}

}  // namespace

double largest_eigenvalue(std::size_t count, const SymmetricProduct& product, const RngKey& key) {
  constexpr int kProducts = 1000;
  constexpr double kSettled = 1e-8;  // relative change of one product
  constexpr double kRaise = 1.01;
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
  return kRaise * eigenvalue;
}

}  // namespace laconic
