// Block-local Top-k (SparseLoCo, Sarfi et al. 2025): of each 4,096 neighbours the same number of
// largest magnitudes, ties to the lowest index. A block is all that a selection looks at, and its
// indices fit 12 bits; since every block keeps equally many, zeros are sent where there is nothing
// else, and all frames are of one length. Rice code takes fewer bytes, and is to be had.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/errors.h"
#include "compressors/kernels/block_top_k.h"
#include "compressors/makers.h"
#include "compressors/sparse.h"
#include "compressors/wire/indices.h"

namespace laconic {
namespace {

class BlockTopK final : public SparseCompressor {
 public:
  BlockTopK(const BlockTopKOptions& options, const FrameOptions& frame)
      : SparseCompressor(wire::Selection::block_top_k, IndexCoding::automatic,
                         make_value_codec(options.values, Rounding::nearest), frame),
        each_(options.each),
        block12_(options.indices == BlockTopKOptions::Indices::block12) {}

  std::string_view name() const override { return "block_top_k"; }

  // The least part that any block keeps.
  Guarantee guarantee(std::size_t count) const override {
    if (count == 0) return {0, 1};
    const kernels::BlockPlan plan = plan_of(count);
    const auto part = [](std::size_t kept, std::size_t of) {
      return static_cast<double>(kept) / static_cast<double>(of);
    };
    const std::size_t whole = (count - 1) / kernels::kTopKBlock;
    double alpha = part(plan.last, count - whole * kernels::kTopKBlock);
    if (whole > 0) alpha = std::min(alpha, part(plan.each, kernels::kTopKBlock));
    return compose({std::numeric_limits<double>::infinity(), alpha},
                   value_guarantee(plan.kept(count)));
  }

 protected:
  std::size_t most_kept(std::size_t count) const override { return plan_of(count).kept(count); }

  wire::IndexPlan plan_selected(std::size_t kept, std::size_t count) const override {
    if (!block12_ || kept == count) return SparseCompressor::plan_selected(kept, count);
    const kernels::BlockPlan plan = plan_of(count);
    return wire::plan_block12(plan.each, plan.last, count);
  }

  Kept select(Floats in, Scratch& scratch) const override {
    return kernels::block_top_k(in, plan_of(in.size()), scratch, threads());
  }

  Kept take(Floats gradient, MutFloats residual, Feedback feedback, ValueLoss loss,
            Scratch& scratch) const override {
    return kernels::block_top_k_feedback(gradient, residual, feedback, loss,
                                         plan_of(residual.size()), scratch, threads());
  }

 private:
  // A last short block keeps in proportion, at least one.
  kernels::BlockPlan plan_of(std::size_t count) const {
    if (count == 0) return {each_, 0};
    const std::size_t rest = (count - 1) % kernels::kTopKBlock + 1;
    const double density = static_cast<double>(each_) / double{kernels::kTopKBlock};
    return {each_, kept_elements(density, rest)};
  }

  std::size_t each_;
  bool block12_;
};

}  // namespace

std::unique_ptr<const Compressor> make_block_top_k(const BlockTopKOptions& options,
                                                   const FrameOptions& frame) {
  if (options.each < 1 || options.each > kernels::kTopKBlock)
    throw ConfigError("each", "a number from 1 to 4096");
  return std::make_unique<const BlockTopK>(options, frame);
}

}  // namespace laconic
