#pragma once

#include <cstddef>

#include "base/scratch.h"
#include "base/types.h"

/// Products of a matrix with a few columns, and what else a low-rank factorisation needs.
///
/// M is rows x columns, row after row. A factor of `rank` columns is held column after column: its
/// column c is the contiguous piece [c * n, (c + 1) * n), n being rows (left) or columns (right).
/// The same bits on every SIMD target and for every grouping of columns: each product is one chain
/// of fused multiply-adds, over rows or rank in order, or over columns in 16 lanes that one fixed
/// tree adds up.
namespace laconic::kernels {

/// left = M right.
void multiply(Floats m, std::size_t rows, std::size_t columns, Floats right, int rank,
              MutFloats left, Scratch& scratch);

/// right = Mᵀ left.
void multiply_transposed(Floats m, std::size_t rows, std::size_t columns, Floats left, int rank,
                         MutFloats right, Scratch& scratch);

/// M = left rightᵀ.
void outer_product(Floats left, Floats right, int rank, std::size_t rows, std::size_t columns,
                   MutFloats m);

float dot(Floats a, Floats b);

/// to += scale * from.
void axpy(Floats from, float scale, MutFloats to);

}  // namespace laconic::kernels
