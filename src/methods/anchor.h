#pragma once

#include <vector>

#include "methods/turn.h"

namespace laconic {

struct AnchorOptions {
  std::uint32_t batch = 0;         ///< Differences are taken on one of this size; 0: on all data.
  std::uint32_t anchor_batch = 0;  ///< F(w) is taken on one of this size; 0: on all data.
};

/// The point w of variance-reduced methods, where every rank knows the mean operator F(w)
/// exactly, or on a batch much larger than that of a step: moved now and then, by a coin that all
/// ranks share, at the price of one dense average.
class Anchor {
 public:
  /// `dense` must outlive it. w is at `start`, where nothing is known yet.
  Anchor(Exchange& dense, Floats start, const AnchorOptions& options);

  Floats point() const { return w_; }
  Floats mean() const { return mean_; }  ///< F(w)

  /// F(w) for the first time, if that has not been yet; collective.
  void settle(Turn& turn, const Step& step);

  /// With that probability, the same on every rank: w = z, and F(w). Collective.
  void maybe_move(Floats z, double probability, Turn& turn, const Step& step);

  /// out = F_m(at) - F_m(w), both on the step's mini-batch where there are batches; the loss at
  /// `at`.
  double difference(Floats at, MutFloats out, Turn& turn, const Step& step);

  void save(StateWriter& writer) const;
  void load(StateReader& reader);

 private:
  void synchronise(Turn& turn, const Step& step);

  Exchange& dense_;
  AnchorOptions options_;
  bool known_ = false;
  std::vector<float> w_, own_, mean_;  // own_: F_m(w)
  std::vector<float> on_sample_;       // working memory: F_m(w) on a mini-batch
};

}  // namespace laconic
