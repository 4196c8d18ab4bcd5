#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "compressors/compressor.h"
#include "compressors/options.h"
#include "compressors/wire/value_codec.h"

namespace laconic {

/// What compressors have in common whose coordinates are drawn from a key: the frame, in which the
/// key stands for the indices. How to draw is left to each.
class KeyedCompressor : public Compressor {
 public:
  std::size_t max_bytes(std::size_t count) const final;
  std::size_t encode(Floats in, MutBytes out, const Site& site) const final;
  void decode(Bytes bytes, MutFloats out) const final;
  void decode_add(Bytes bytes, float scale, MutFloats sum) const final;
  void decode_add_all(std::span<const Bytes> frames, float scale, MutFloats sum) const final;
  std::size_t encode_residual(Floats gradient, MutFloats residual, Feedback feedback, MutBytes out,
                              const Site& site) const final;

 protected:
  /// `shared`: all ranks draw from the same key.
  KeyedCompressor(wire::Selection selection, bool shared, std::unique_ptr<const ValueCodec> codec,
                  const FrameOptions& frame);

  /// What the frame says beside the key, if anything.
  virtual std::size_t place_bytes() const { return 0; }
  virtual void write_place(const Site&, std::byte*) const {}

  /// The most coordinates that are drawn of `count`.
  virtual std::size_t most_kept(std::size_t count) const = 0;

  /// Those of `count` that belong to the key and the place (place_bytes long), ascending, in memory
  /// of `scratch`. WireError if there is no such place.
  virtual std::span<const std::uint32_t> draw(const RngKey& key, const wire::Section& place,
                                              std::size_t count, Scratch& scratch) const = 0;

  /// Multiplies the values drawn of `count` by what leaves them unbiased, if that is wanted.
  virtual void scale(MutFloats values, std::size_t count) const = 0;

  /// Of the selection and of the values, on what is kept.
  Guarantee compose_values(const Guarantee& selection, std::size_t count) const;

 private:
  struct Drawn {
    std::span<const std::uint32_t> indices;
    Floats values;
  };
  struct Written {
    Drawn drawn;
    std::size_t bytes;
  };
  Written write(Floats in, MutBytes out, const Site& site) const;
  template <typename Visit>
  void read(std::span<const Bytes> frames, std::size_t count, const Visit& visit) const;

  wire::Selection selection_;
  bool shared_;
  FrameOptions frame_;
  std::unique_ptr<const ValueCodec> codec_;
};

}  // namespace laconic
