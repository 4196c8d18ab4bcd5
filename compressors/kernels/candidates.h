#pragma once

#include <cstdint>
#include <span>

#include "base/scratch.h"
#include "compressors/compressor.h"
#include "compressors/kept.h"

namespace laconic::kernels {

/// What a selection looks at: `in`, or with error feedback, where there is a residual, that is
/// `in`, v = decay * residual + scale * gradient; no gradient: the residual is v already.
struct Source {
  Floats gradient, in;
  MutFloats residual;
  Feedback feedback;
  ValueLoss loss;

  bool takes_out() const { return !residual.empty(); }
};

/// In the band: low <= key < high.
struct Bounds {
  std::uint32_t low, high;
};

/// Those of a part of a vector that may be among the k largest of the whole: all from the lower
/// bound on, in ascending order, and once more those in the band. With error feedback what is above
/// the band has left the residual, and what is in it waits there for its fate.
class Candidates {
 public:
  /// Memory is from `scratch`; nothing else is done with it.
  Candidates(Slice part, std::size_t k, Scratch& scratch);

  /// Replaces what was found before; writes v to the residual. NumericError if v is not finite.
  void find(const Source& source, Bounds bounds);

  std::size_t count() const { return found_; }
  std::size_t in_band() const { return in_band_; }

  /// The values of all, or of those in the band alone.
  Floats values() const { return values_.first(found_); }
  Floats band() const { return band_values_.first(in_band_); }

  /// Leaves those above `threshold` and the first `ties` equal to it, and nothing else of what was
  /// found; in the residual, what is lost of those.
  void keep(const Source& source, std::uint32_t threshold, std::size_t ties);

  /// Of error feedback: v is whole again.
  void put_back(const Source& source) const;

  Kept kept() const { return {indices_.first(found_), values_.first(found_)}; }

 private:
  void collect(const Source& source, std::size_t count);
  void make_room(const Source& source);
  void drop(const Source& source, std::uint32_t threshold, std::size_t ties);
  void leave_band(const Source& source, std::uint32_t threshold, std::size_t ties);

  Slice part_;
  std::size_t k_, room_, found_ = 0, in_band_ = 0;
  Bounds bounds_{};
  MutFloats values_, band_values_;
  std::span<std::uint32_t> indices_, band_indices_;
};

}  // namespace laconic::kernels
