#pragma once

#include <span>

namespace laconic {

/// right = A y and left = A'x in one pass over a matrix, row after row. Where only one of them is
/// wanted, the other and the vector that it would be made from are empty.
///
/// In double, each product rounded and then each sum: row i of `right` in 8 lanes by columns, which
/// are added up in order at the end; `left` row after row. The same bits on every machine, as fast
/// as memory gives the matrix.
void multiply(std::span<const float> matrix, std::span<const double> x, std::span<const double> y,
              std::span<double> right, std::span<double> left);
void multiply(std::span<const double> matrix, std::span<const double> x, std::span<const double> y,
              std::span<double> right, std::span<double> left);

}  // namespace laconic
