#include "problems/spectrum.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace laconic {
namespace {

/// A symmetric matrix that is 0 but on its diagonal and beside it: what A is on the space of its
/// powers times the start.
struct Tridiagonal {
  std::vector<double> diagonal, beside;  ///< beside[i] joins i and i + 1; the last joins nothing.

  /// Whether all eigenvalues are below x: whether x I - this has a Cholesky factor.
  bool below(double x) const {
    double pivot = 1, square = 0;
    for (std::size_t i = 0; i < diagonal.size(); ++i) {
      pivot = x - diagonal[i] - square / pivot;
      if (!(pivot > 0)) return false;
      square = beside[i] * beside[i];
    }
    return true;
  }

  /// By bisection, to the last bit but a few; it is no less than `least`.
  double largest_eigenvalue(double least) const {
    double low = least, high = 0;
    for (std::size_t i = 0; i < diagonal.size(); ++i)  // Gershgorin
      high = std::max(high, diagonal[i] + (i > 0 ? beside[i - 1] : 0) + beside[i]);
    while (high - low > 1e-15 * high) {
      const double middle = (low + high) / 2;
      (below(middle) ? high : low) = middle;
    }
    return high;
  }
};

double norm(std::span<const double> v) { return std::sqrt(dot(v, v)); }

}  // namespace

double largest_eigenvalue(std::size_t count, const SymmetricProduct& product, const RngKey& key) {
  constexpr int kProducts = 2000, kBetween = 8;
  constexpr double kSettled = 1e-10;
  std::vector<double> last(count), now(count), next(count);
  for (std::size_t i = 0; i < count; ++i) now[i] = normal(key, i);
  const double start = norm(now);
  for (double& value : now) value /= start;

  Tridiagonal seen;
  double eigenvalue = 0, before = 0;
  for (int k = 1; k <= kProducts && count > 0; ++k) {
    product(now, next);
    const double along = dot(next, now);
    for (std::size_t i = 0; i < count; ++i) next[i] -= along * now[i] + before * last[i];
    before = norm(next);
    seen.diagonal.push_back(along);
    seen.beside.push_back(before);
    const bool whole = !(before > kSettled * eigenvalue);  // the powers of A lead no further
    if (whole || k % kBetween == 0) {
      const double lower = eigenvalue;
      eigenvalue = seen.largest_eigenvalue(lower);
      if (whole || eigenvalue - lower <= kSettled * eigenvalue) break;
    }
    for (double& value : next) value /= before;
    last.swap(now);
    now.swap(next);
  }
  return eigenvalue;
}

double largest_eigenvalue_bound(std::size_t count, const SymmetricProduct& product,
                                const RngKey& key) {
  return 1.01 * largest_eigenvalue(count, product, key);
}

}  // namespace laconic
