#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

/// The few types that every room speaks. Spans are always host memory and never own it.
namespace laconic {

using Bytes = std::span<const std::byte>;
using MutBytes = std::span<std::byte>;
using Floats = std::span<const float>;
using MutFloats = std::span<float>;

/// A part of a flat vector, in elements.
struct Slice {
  std::size_t begin = 0;
  std::size_t count = 0;

  std::size_t end() const { return begin + count; }
  friend bool operator==(const Slice&, const Slice&) = default;
};

/// One parameter tensor inside the flat vector, seen as a matrix: a vector has one column, a
/// convolution's rows are its output channels. rows * columns elements from `begin`.
struct Tensor {
  std::string name;
  std::size_t begin = 0;
  std::size_t rows = 0;
  std::size_t columns = 1;

  std::size_t count() const { return rows * columns; }
};

/// The tensors of a flat vector in their order of registration, without gaps.
using Layout = std::vector<Tensor>;

inline std::size_t flat_size(const Layout& layout) {
  return layout.empty() ? 0 : layout.back().begin + layout.back().count();
}

inline Slice slice_of(const Tensor& tensor) { return {tensor.begin, tensor.count()}; }

inline Floats part(Floats v, Slice s) { return v.subspan(s.begin, s.count); }
inline MutFloats part(MutFloats v, Slice s) { return v.subspan(s.begin, s.count); }

}  // namespace laconic
