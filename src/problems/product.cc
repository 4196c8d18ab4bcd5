#include "problems/product.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "problems/product.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>
#include <numeric>

HWY_BEFORE_NAMESPACE();
namespace laconic::products::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr std::size_t kLanes = 8;
using Tag = hn::CappedTag<double, kLanes>;
constexpr std::size_t kEach = hn::MaxLanes(Tag());
constexpr std::size_t kRegisters = kLanes / kEach;
using Register = hn::Vec<Tag>;

HWY_INLINE Register load(const double* from) { return hn::LoadU(Tag(), from); }
HWY_INLINE Register load(const float* from) {
  return hn::PromoteTo(Tag(), hn::LoadU(hn::Rebind<float, Tag>(), from));
}

/// kRows rows at once, so that y and left are fetched once for all of them, and those after them
/// are asked for meanwhile.
template <std::size_t kRows, bool kRight, bool kLeft, typename Element>
HWY_INLINE void multiply_rows(const Element* rows, std::size_t columns, const double* x,
                              const double* y, double* right, double* left) {
  Register factor[kRows], sum[kRows][kRegisters];
  for (std::size_t i = 0; i < kRows; ++i) {
    if constexpr (kLeft) factor[i] = hn::Set(Tag(), x[i]);
    for (auto& lanes : sum[i]) lanes = hn::Zero(Tag());
  }
  const std::size_t whole = columns - columns % kLanes;
  for (std::size_t j = 0; j < whole; j += kLanes) {
    for (std::size_t i = 0; i < kRows; ++i) __builtin_prefetch(rows + (kRows + i) * columns + j);
    for (std::size_t r = 0; r < kRegisters; ++r) {
      const std::size_t at = j + r * kEach;
      const Register of_y = kRight ? load(y + at) : hn::Zero(Tag());
      Register of_left = kLeft ? load(left + at) : hn::Zero(Tag());
      for (std::size_t i = 0; i < kRows; ++i) {
        const Register element = load(rows + i * columns + at);
        if constexpr (kRight) sum[i][r] = hn::Add(sum[i][r], hn::Mul(element, of_y));
        if constexpr (kLeft) of_left = hn::Add(of_left, hn::Mul(factor[i], element));
      }
      if constexpr (kLeft) hn::StoreU(of_left, Tag(), left + at);
    }
  }
  for (std::size_t i = 0; i < kRows; ++i) {
    const Element* row = rows + i * columns;
    if constexpr (kLeft)
      for (std::size_t j = whole; j < columns; ++j) left[j] += x[i] * double{row[j]};
    if constexpr (kRight) {
      double lanes[kLanes];
      for (std::size_t r = 0; r < kRegisters; ++r) hn::StoreU(sum[i][r], Tag(), lanes + r * kEach);
      for (std::size_t j = whole; j < columns; ++j) lanes[j - whole] += double{row[j]} * y[j];
      right[i] = std::accumulate(lanes, lanes + kLanes, 0.0);
    }
  }
}

template <bool kRight, bool kLeft, typename Element>
HWY_INLINE void multiply_all(const Element* matrix, std::size_t count, std::size_t columns,
                             const double* x, const double* y, double* right, double* left) {
  constexpr std::size_t kRows = 4;
  if constexpr (kLeft) std::fill(left, left + columns, 0.0);
  std::size_t i = 0;
  for (; i + kRows <= count; i += kRows)
    multiply_rows<kRows, kRight, kLeft>(matrix + i * columns, columns, x + i, y, right + i, left);
  for (; i < count; ++i)
    multiply_rows<1, kRight, kLeft>(matrix + i * columns, columns, x + i, y, right + i, left);
}

template <typename Element>
HWY_INLINE void multiply_wanted(const Element* matrix, std::size_t count, std::size_t columns,
                                const double* x, const double* y, double* right, double* left) {
  if (right == nullptr)
    multiply_all<false, true>(matrix, count, columns, x, y, right, left);
  else if (left == nullptr)
    multiply_all<true, false>(matrix, count, columns, x, y, right, left);
  else
    multiply_all<true, true>(matrix, count, columns, x, y, right, left);
}

void multiply_floats(const float* matrix, std::size_t count, std::size_t columns, const double* x,
                     const double* y, double* right, double* left) {
  multiply_wanted(matrix, count, columns, x, y, right, left);
}

void multiply_doubles(const double* matrix, std::size_t count, std::size_t columns, const double* x,
                      const double* y, double* right, double* left) {
  multiply_wanted(matrix, count, columns, x, y, right, left);
}

}  // namespace laconic::products::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "base/check.h"

namespace laconic {
namespace products {

HWY_EXPORT(multiply_floats);
HWY_EXPORT(multiply_doubles);

}  // namespace products

namespace {

/// Runs the one for this machine, if the vectors fit the matrix and each other.
template <typename Element, typename Run>
void multiply_by(Run run, std::span<const Element> matrix, std::span<const double> x,
                 std::span<const double> y, std::span<double> right, std::span<double> left) {
  check(x.empty() == left.empty() && y.empty() == right.empty(), "what is wanted has its factor");
  check(x.empty() || y.empty() || (x.size() == right.size() && y.size() == left.size()),
        "vectors fit each other");
  const std::size_t rows = x.empty() ? right.size() : x.size();
  const std::size_t columns = x.empty() ? y.size() : left.size();
  check(matrix.size() == rows * columns, "vectors fit the matrix");
  const auto data_of = [](std::span<double> v) { return v.empty() ? nullptr : v.data(); };
  if (rows > 0)
    run(matrix.data(), rows, columns, x.data(), y.data(), data_of(right), data_of(left));
}

}  // namespace

void multiply(std::span<const float> matrix, std::span<const double> x, std::span<const double> y,
              std::span<double> right, std::span<double> left) {
  using namespace products;
  multiply_by(&HWY_DYNAMIC_DISPATCH(multiply_floats), matrix, x, y, right, left);
}

void multiply(std::span<const double> matrix, std::span<const double> x, std::span<const double> y,
              std::span<double> right, std::span<double> left) {
  using namespace products;
  multiply_by(&HWY_DYNAMIC_DISPATCH(multiply_doubles), matrix, x, y, right, left);
}

}  // namespace laconic
#endif  // HWY_ONCE
