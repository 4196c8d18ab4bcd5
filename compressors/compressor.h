#pragma once

#include <cstddef>
#include <string_view>

#include "base/rng.h"
#include "base/scratch.h"
#include "base/types.h"

namespace laconic {

/// How far C(x) may be from x. An unbiased compressor has E C(x) = x and E|C(x)-x|² <= omega |x|²
/// (else omega is infinite); a contractive one E|C(x)-x|² <= (1-alpha) |x|² (else alpha is 0).
/// omega < 1 also contracts, with alpha = 1 - omega. What drops all that is small errs by up to
/// `absolute` more, whatever x is: error feedback then keeps a bounded residual all the same.
/// Vectors with a norm below 2^-100 are left out: there, floats run out of bits.
struct Guarantee {
  double omega;
  double alpha;
  double absolute = 0;

  bool unbiased() const;
  bool contractive() const;
};

/// Of two in a row, the second on what the first keeps: a quantizer of a sparsifier's values.
Guarantee compose(const Guarantee& first, const Guarantee& second);

/// Where and when a vector is encoded: what random choices and working memory come from.
struct Site {
  RngKey own;     ///< Differs between ranks, steps and buckets.
  RngKey shared;  ///< Differs between steps and buckets, the same on every rank.
  int rank;
  int ranks;
  Scratch& scratch;
};

/// residual = decay * residual + scale * gradient - sent.
struct Feedback {
  float scale = 1;
  float decay = 1;
};

/// Turns a vector of floats into a frame (compressors/README.md has the grammar) and back.
/// Stateless and const: one object serves all threads. Inputs must be finite: encode throws
/// NumericError at ±inf or NaN. A frame decodes without any knowledge but its own bytes.
class Compressor {
 public:
  virtual ~Compressor() = default;

  /// The name in experiment.proto and in tables, "top_k".
  virtual std::string_view name() const = 0;

  /// For vectors of `count` elements.
  virtual Guarantee guarantee(std::size_t count) const = 0;

  /// No frame of `count` elements is longer.
  virtual std::size_t max_bytes(std::size_t count) const = 0;

  /// encode always writes max_bytes: the receiver knows the length beforehand.
  virtual bool fixed_size() const { return false; }

  /// Writes a whole frame into `out` (at least max_bytes long); returns its length.
  virtual std::size_t encode(Floats in, MutBytes out, const Site& site) const = 0;

  /// out = the decoded vector. Throws WireError if the frame is malformed or its element count is
  /// not out.size(); `out` may then hold anything.
  virtual void decode(Bytes frame, MutFloats out) const = 0;

  /// sum += scale * decoded, without building the decoded vector. Each decoded element is scaled,
  /// then added, in float. Errors as in decode; sparse frames touch only what they carry.
  virtual void decode_add(Bytes frame, float scale, MutFloats sum) const = 0;

  /// decode_add for each frame in the order given: the same bits, in fewer passes where a kernel
  /// can.
  virtual void decode_add_all(std::span<const Bytes> frames, float scale, MutFloats sum) const;

  /// Error feedback, fused: with v = decay * residual + scale * gradient (each product rounded,
  /// then the sum), writes the frame of v to `out` and v - decode(frame) to `residual`; returns the
  /// frame's length. scale and decay of 1 multiply nothing. `gradient` and `residual` do not
  /// overlap.
  virtual std::size_t encode_residual(Floats gradient, MutFloats residual, Feedback feedback,
                                      MutBytes out, const Site& site) const;
};

/// Ascending indices, each below `count`, and their values.
struct SparseList {
  std::vector<std::uint32_t> indices;
  std::vector<float> values;
};

/// A compressor that keeps some coordinates: gives them as a list, which a sparse allreduce merges
/// and encodes again.
class Sparsifier : public Compressor {
 public:
  /// As encode_residual, with the kept coordinates (exact values) in `out` instead of a frame.
  virtual void select_residual(Floats gradient, MutFloats residual, Feedback feedback,
                               SparseList& out, const Site& site) const = 0;

  /// No frame of a list of `kept` is longer.
  virtual std::size_t max_list_bytes(std::size_t kept, std::size_t count) const = 0;

  /// The frame of a given list for a vector of `count` elements; returns its length.
  virtual std::size_t encode_list(const SparseList& list, std::size_t count, MutBytes out,
                                  const Site& site) const = 0;

  /// The inverse; replaces what is in `out`. WireError as in decode.
  virtual void decode_list(Bytes frame, std::size_t count, SparseList& out) const = 0;
};

}  // namespace laconic
