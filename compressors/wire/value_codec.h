#pragma once

#include <memory>
#include <string_view>

#include "compressors/compressor.h"
#include "compressors/kept.h"
#include "compressors/wire/frame.h"
#include "compressors/wire/section_writer.h"

namespace laconic {

/// How a list of floats stands in the section of values: the whole vector, or what a sparsifier
/// keeps. A quantizer is one of these, and its frames and its composition with every sparsifier
/// come with it (dense.h, sparse.h).
///
/// Stateless and const. Any multiple of kStride values is a place to begin reading: a number of
/// fixed width then begins at a whole byte, and readers need no memory for the whole list.
class ValueCodec {
 public:
  static constexpr std::size_t kStride = 64;

  virtual ~ValueCodec() = default;

  virtual wire::Values id() const = 0;
  virtual std::string_view name() const = 0;
  virtual Guarantee guarantee(std::size_t count) const = 0;

  /// Of a section of `count` values.
  virtual std::size_t bytes(std::size_t count) const = 0;

  /// Writes a section. NumericError where an input or what it becomes is not finite.
  virtual void encode(Floats in, wire::SectionWriter& out, const Site& site) const = 0;

  /// Where what is lost of each value is a function of it alone, that function.
  virtual ValueLoss loss() const { return nullptr; }

  /// WireError unless the section holds `count` values: everything that decode relies on.
  virtual void validate(const wire::Section& section, std::size_t count) const = 0;

  /// Values [begin, begin + out.size()) of a validated section of `count`; begin is a multiple of
  /// kStride, and so is the end unless it is the last.
  virtual void decode(Bytes section, std::size_t count, std::size_t begin, MutFloats out) const = 0;

  /// sum[i] += scale * value i (a product, then a sum), all of a validated section.
  virtual void decode_add(Bytes section, float scale, MutFloats sum, int threads = 1) const;

  /// Compressor::encode_residual for a dense section: kernels fuse it.
  virtual void encode_residual(Floats gradient, MutFloats residual, Feedback feedback,
                               wire::SectionWriter& out, const Site& site) const = 0;
};

enum class Rounding { nearest, stochastic };

}  // namespace laconic
