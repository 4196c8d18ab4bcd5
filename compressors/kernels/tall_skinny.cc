#include "compressors/kernels/tall_skinny.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compressors/kernels/tall_skinny.cc"
#include <hwy/foreach_target.h>

#include "compressors/kernels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace laconic::kernels::HWY_NAMESPACE {

// Rank is cut into groups of at most four columns, whose accumulators stay in registers; M is read
// once per group. A machine with 32 registers takes four rows at a time, so that one load of the
// factor serves four rows of M; one with 16 has room for fewer.
constexpr int kGroup = 4;

template <int R>
constexpr std::size_t kRows = F32::kRegisters == 1 ? 4 : (R <= 2 ? 2 : 1);

constexpr std::size_t tiles(std::size_t n) { return (n + kLanes - 1) / kLanes; }

HWY_INLINE F32 load_tile(const float* row, std::size_t columns, std::size_t tile) {
  const std::size_t at = tile * kLanes;
  return at + kLanes <= columns ? load(row + at) : load(row + at, columns - at);
}

// The R columns of a factor side by side, tile by tile: columns of a power-of-two length would
// otherwise meet in the same sets of the first cache. Lanes past the end are zero.
template <int R>
void interleave(const float* factor, std::size_t n, float* packed) {
  for (std::size_t t = 0; t < tiles(n); ++t)
    for (int k = 0; k < R; ++k)
      store(load_tile(factor + k * n, n, t), packed + (t * R + k) * kLanes);
}

template <int R, std::size_t Rows>
HWY_INLINE void multiply_rows(const float* m, std::size_t columns, const float* right, float* left,
                              std::size_t rows) {
  F32 total[Rows][R];
  for (auto& row : total)
    for (F32& t : row) t = splat(0.0f);
  const auto tile = [&](std::size_t t, const auto& load_row) LACONIC_LAMBDA {
    for (std::size_t i = 0; i < Rows; ++i) {
      const F32 x = load_row(m + i * columns);
      for (int k = 0; k < R; ++k)
        total[i][k] = fma(x, load(right + (t * R + k) * kLanes), total[i][k]);
    }
  };
  const std::size_t whole = columns / kLanes;
  for (std::size_t t = 0; t < whole; ++t)
    tile(t, [t](const float* row) LACONIC_LAMBDA { return load(row + t * kLanes); });
  if (whole * kLanes < columns)
    tile(whole, [&](const float* row) LACONIC_LAMBDA { return load_tile(row, columns, whole); });
  for (std::size_t i = 0; i < Rows; ++i)
    for (int k = 0; k < R; ++k) left[k * rows + i] = sum(total[i][k]);
}

template <int R>
void multiply_group(const float* m, std::size_t rows, std::size_t columns, const float* right,
                    float* left, float* packed) {
  interleave<R>(right, columns, packed);
  std::size_t i = 0;
  for (; i + kRows<R> <= rows; i += kRows<R>)
    multiply_rows<R, kRows<R>>(m + i * columns, columns, packed, left + i, rows);
  for (; i < rows; ++i) multiply_rows<R, 1>(m + i * columns, columns, packed, left + i, rows);
}

template <int R, std::size_t Rows>
HWY_INLINE void multiply_transposed_rows(const float* m, std::size_t columns, const float* left,
                                         std::size_t rows, float* packed) {
  for (std::size_t t = 0; t < tiles(columns); ++t) {
    F32 total[R];
    for (int k = 0; k < R; ++k) total[k] = load(packed + (t * R + k) * kLanes);
    for (std::size_t i = Rows; i-- > 0;) {
      const F32 x = load_tile(m + i * columns, columns, t);
      for (int k = 0; k < R; ++k) total[k] = fma(x, splat(left[k * rows + i]), total[k]);
    }
    for (int k = 0; k < R; ++k) store(total[k], packed + (t * R + k) * kLanes);
  }
}

// Walks M along its rows, as it lies in memory, eight at a time; the result, a few tens of
// kilobytes, stays in cache and is updated once per eight rows. From the last row to the first:
// the product before this one has just read M to its end, and the end is what caches still hold.
template <int R>
void multiply_transposed_group(const float* m, std::size_t rows, std::size_t columns,
                               const float* left, float* right, float* packed) {
  std::fill_n(packed, tiles(columns) * R * kLanes, 0.0f);
  std::size_t i = rows;
  for (; i % 8 != 0; --i)
    multiply_transposed_rows<R, 1>(m + (i - 1) * columns, columns, left + i - 1, rows, packed);
  for (; i > 0; i -= 8)
    multiply_transposed_rows<R, 8>(m + (i - 8) * columns, columns, left + i - 8, rows, packed);
  for (std::size_t t = 0; t < tiles(columns); ++t)
    for (int k = 0; k < R; ++k) {
      const F32 x = load(packed + (t * R + k) * kLanes);
      store(x, right + k * columns + t * kLanes, std::min(kLanes, columns - t * kLanes));
    }
}

// Elements [begin, end) of one row, by `put`.
template <int R, bool First, typename Put>
HWY_INLINE void outer_product_row(const float* left, const float* right, std::size_t rows,
                                  std::size_t columns, float* row, std::size_t begin,
                                  std::size_t end, const Put& put) {
  F32 factor[R];
  for (int k = 0; k < R; ++k) factor[k] = splat(left[k * rows]);
  for (std::size_t j = begin; j < end; j += kLanes) {
    const std::size_t n = std::min(kLanes, end - j);
    const auto at = [n](const float* p)
                        LACONIC_LAMBDA { return n == kLanes ? load(p) : load(p, n); };
    F32 x = First ? factor[0] * at(right + j) : at(row + j);
    for (int k = First ? 1 : 0; k < R; ++k) x = fma(factor[k], at(right + k * columns + j), x);
    put(x, row + j, n);
  }
}

// A matrix that no cache will hold until it is read again is written past the caches, which saves
// reading it first. Such stores must be aligned; so each row begins with a short piece.
template <int R, bool First>
void outer_product_group(const float* left, const float* right, std::size_t rows,
                         std::size_t columns, float* m) {
  constexpr std::size_t kCached = std::size_t{4} << 20;
  const bool past_caches = First && rows * columns * sizeof(float) > kCached;
  const auto keep = [](const F32& x, float* to, std::size_t n)
                        LACONIC_LAMBDA { n == kLanes ? store(x, to) : store(x, to, n); };
  const auto forget = [](const F32& x, float* to, std::size_t) LACONIC_LAMBDA { stream(x, to); };
  for (std::size_t i = 0; i < rows; ++i, ++left, m += columns) {
    std::size_t head = 0, body = 0;
    if (past_caches) {
      head = std::min(columns, -reinterpret_cast<std::uintptr_t>(m) / sizeof(float) % kLanes);
      body = (columns - head) / kLanes * kLanes;
    }
    outer_product_row<R, First>(left, right, rows, columns, m, 0, head, keep);
    outer_product_row<R, First>(left, right, rows, columns, m, head, head + body, forget);
    outer_product_row<R, First>(left, right, rows, columns, m, head + body, columns, keep);
  }
  if (past_caches) hwy::FlushStream();
}

// Calls f with the group's width as a constant.
template <typename F>
void for_groups(int rank, const F& f) {
  for (int k = 0; k < rank; k += kGroup) switch (std::min(kGroup, rank - k)) {
      case 1:
        f(std::integral_constant<int, 1>(), k);
        break;
      case 2:
        f(std::integral_constant<int, 2>(), k);
        break;
      case 3:
        f(std::integral_constant<int, 3>(), k);
        break;
      default:
        f(std::integral_constant<int, 4>(), k);
        break;
    }
}

void multiply(const float* m, std::size_t rows, std::size_t columns, const float* right, int rank,
              float* left, float* packed) {
  for_groups(rank, [&](auto group, int k) {
    multiply_group<group>(m, rows, columns, right + k * columns, left + k * rows, packed);
  });
}

void multiply_transposed(const float* m, std::size_t rows, std::size_t columns, const float* left,
                         int rank, float* right, float* packed) {
  for_groups(rank, [&](auto group, int k) {
    multiply_transposed_group<group>(m, rows, columns, left + k * rows, right + k * columns,
                                     packed);
  });
}

void outer_product(const float* left, const float* right, int rank, std::size_t rows,
                   std::size_t columns, float* m) {
  for_groups(rank, [&](auto group, int k) {
    if (k == 0)
      outer_product_group<group, true>(left, right, rows, columns, m);
    else
      outer_product_group<group, false>(left + k * rows, right + k * columns, rows, columns, m);
  });
}

float dot(const float* a, const float* b, std::size_t n) {
  F32 total = splat(0.0f);
  for (std::size_t t = 0; t < tiles(n); ++t)
    total = fma(load_tile(a, n, t), load_tile(b, n, t), total);
  return sum(total);
}

void axpy(const float* from, float scale, float* to, std::size_t n) {
  const F32 s = splat(scale);
  for (std::size_t t = 0; t < tiles(n); ++t)
    store(fma(s, load_tile(from, n, t), load_tile(to, n, t)), to + t * kLanes,
          std::min(kLanes, n - t * kLanes));
}

}  // namespace laconic::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "base/check.h"

namespace laconic::kernels {

HWY_EXPORT(multiply);
HWY_EXPORT(multiply_transposed);
HWY_EXPORT(outer_product);
HWY_EXPORT(dot);
HWY_EXPORT(axpy);

namespace {

void check_shapes(std::size_t m, std::size_t left, std::size_t right, int rank, std::size_t rows,
                  std::size_t columns) {
  check(rank > 0 && m == rows * columns && left == rank * rows && right == rank * columns,
        "factors must match the matrix");
}

// Room for one group of a factor, in whole tiles.
std::span<float> take_packed(Scratch& scratch, std::size_t columns) {
  return scratch.take<float>((columns + 15) / 16 * 16 * 4);
}

}  // namespace

void multiply(Floats m, std::size_t rows, std::size_t columns, Floats right, int rank,
              MutFloats left, Scratch& scratch) {
  check_shapes(m.size(), left.size(), right.size(), rank, rows, columns);
  const Scratch::Scope scope(scratch);
  HWY_DYNAMIC_DISPATCH(multiply)
  (m.data(), rows, columns, right.data(), rank, left.data(), take_packed(scratch, columns).data());
}

void multiply_transposed(Floats m, std::size_t rows, std::size_t columns, Floats left, int rank,
                         MutFloats right, Scratch& scratch) {
  check_shapes(m.size(), left.size(), right.size(), rank, rows, columns);
  const Scratch::Scope scope(scratch);
  HWY_DYNAMIC_DISPATCH(multiply_transposed)
  (m.data(), rows, columns, left.data(), rank, right.data(), take_packed(scratch, columns).data());
}

void outer_product(Floats left, Floats right, int rank, std::size_t rows, std::size_t columns,
                   MutFloats m) {
  check_shapes(m.size(), left.size(), right.size(), rank, rows, columns);
  HWY_DYNAMIC_DISPATCH(outer_product)(left.data(), right.data(), rank, rows, columns, m.data());
}

float dot(Floats a, Floats b) {
  check(a.size() == b.size(), "vectors must be of one length");
  return HWY_DYNAMIC_DISPATCH(dot)(a.data(), b.data(), a.size());
}

void axpy(Floats from, float scale, MutFloats to) {
  check(from.size() == to.size(), "vectors must be of one length");
  HWY_DYNAMIC_DISPATCH(axpy)(from.data(), scale, to.data(), from.size());
}

}  // namespace laconic::kernels
#endif  // HWY_ONCE
