#pragma once

#include <memory>

#include "compressors/kept.h"
#include "compressors/options.h"
#include "compressors/wire/indices.h"
#include "compressors/wire/value_codec.h"

namespace laconic {

/// What all sparsifiers that send indices have in common: the frame. Which coordinates are kept is
/// left to each.
class SparseCompressor : public Sparsifier {
 public:
  std::size_t max_bytes(std::size_t count) const final;
  std::size_t encode(Floats in, MutBytes out, const Site& site) const final;
  void decode(Bytes bytes, MutFloats out) const final;
  void decode_add(Bytes bytes, float scale, MutFloats sum) const final;
  void decode_add_all(std::span<const Bytes> frames, float scale, MutFloats sum) const final;
  std::size_t encode_residual(Floats gradient, MutFloats residual, Feedback feedback, MutBytes out,
                              const Site& site) const final;

  void select_residual(Floats gradient, MutFloats residual, Feedback feedback, SparseList& out,
                       const Site& site) const final;
  std::size_t max_list_bytes(std::size_t kept, std::size_t count) const final;
  std::size_t encode_list(const SparseList& list, std::size_t count, MutBytes out,
                          const Site& site) const final;
  void decode_list(Bytes bytes, std::size_t count, SparseList& out) const final;

 protected:
  SparseCompressor(wire::Selection selection, IndexCoding coding,
                   std::unique_ptr<const ValueCodec> codec, const FrameOptions& frame);

  /// The most that is kept of a vector of `count`.
  virtual std::size_t most_kept(std::size_t count) const = 0;

  /// How the indices of a selection are written; those of any other list are written by the
  /// smallest coding.
  virtual wire::IndexPlan plan_selected(std::size_t kept, std::size_t count) const;

  /// What to keep of `in`; NumericError if it is not finite.
  virtual Kept select(Floats in, Scratch& scratch) const = 0;

  /// With v = decay * residual + scale * gradient: what to keep of v. The residual becomes v
  /// with what is lost of them in the places that are kept.
  virtual Kept take(Floats gradient, MutFloats residual, Feedback feedback, ValueLoss loss,
                    Scratch& scratch) const = 0;

  int threads() const { return frame_.threads; }

  /// Of the values, on what is kept.
  Guarantee value_guarantee(std::size_t kept) const { return codec_->guarantee(kept); }

 private:
  class Reader;

  struct Written {
    std::size_t bytes;
    Bytes values;  ///< Their section.
  };
  Written write(const Kept& kept, const wire::IndexPlan& plan, std::size_t count, MutBytes out,
                const Site& site) const;
  void leave_what_readers_lose(const Kept& kept, Bytes section, MutFloats residual) const;
  void decode_add_by_threads(std::span<const Bytes> frames, float scale, MutFloats sum) const;
  template <typename Visit>
  void read(Bytes bytes, std::size_t count, Visit visit) const;

  wire::Selection selection_;
  IndexCoding coding_;
  std::unique_ptr<const ValueCodec> codec_;
  FrameOptions frame_;
};

}  // namespace laconic
