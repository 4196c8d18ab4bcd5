#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>

#include "base/rng.h"
#include "base/state.h"
#include "base/types.h"

namespace laconic {

/// This rank's draw-th mini-batch of `size` examples; size 0: all of its data. Which examples these
/// are is a function of the draw and the problem's seed: sampling has no state.
struct Sample {
  std::uint64_t draw = 0;
  std::uint32_t size = 0;
};

/// Part `index` of `count` of whatever scores are taken on, so that ranks can share the work.
struct Share {
  int index = 0;
  int count = 1;
};

inline constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

/// Smoothness of the mean L, largest of any rank L~, strong convexity or monotonicity mu.
struct Constants {
  double smoothness = kUnknown;
  double largest_smoothness = kUnknown;
  double strong_convexity = kUnknown;
};

/// How good a point is; NaN where a problem has no such thing. Means over `examples`.
struct Scores {
  double loss = kUnknown;
  double accuracy = kUnknown;     ///< In [0, 1].
  double gap = kUnknown;          ///< f(x) - f*, or the duality gap.
  double distance = kUnknown;     ///< |x - x*|² .
  double robust_loss = kUnknown;  ///< The worst found of what an adversary may make of it.
  std::uint64_t examples = 0;
};

/// Says that a part of `out` is final. May be called from any thread of the oracle's, in any order.
using ReadyFn = std::function<void(Slice)>;

/// What a method is given: the gradient of f, or the operator F of a variational inequality, of
/// this rank, at a point and on a sample. A closed form (src/problems) or a LibTorch module
/// (src/nn). One thread at a time. Points and outputs are flat vectors as long as the layout.
class Oracle {
 public:
  virtual ~Oracle() = default;

  virtual const Layout& layout() const = 0;

  /// Writes a starting point; the same on every rank that passes the same key.
  virtual void initialize(RngKey key, MutFloats x) const = 0;

  /// Examples this rank can draw from; 0 where a problem is no sum over examples.
  virtual std::uint64_t examples() const = 0;

  /// Writes F(at) on the sample to `out`, announcing parts as they become final (`ready` may be
  /// empty; all is final on return); returns the loss there. An oracle may keep `at` and `out` of
  /// the last call as views, so pass the same memory again where that can be.
  virtual double evaluate(Floats at, const Sample& sample, MutFloats out, const ReadyFn& ready) = 0;

  /// Whether the problem is composite, f + h with an h that is not 0: a constraint or a penalty
  /// that evaluate() knows nothing of. Methods without prox steps refuse it. Default: false.
  virtual bool has_prox() const;

  /// x = argmin_y h(y) + |y - x|²/(2 step). Default: h = 0.
  virtual void prox(float step, MutFloats x) const;

  /// out = (Hessian at `at` on the sample) v. Default: ConfigError.
  virtual void hessian_vector(Floats at, const Sample& sample, Floats v, MutFloats out);

  /// Default: all unknown.
  virtual Constants constants() const;

  /// On a share of the held-out data, or of everything where a problem holds nothing out.
  virtual Scores score(Floats at, Share share) const = 0;

  /// State beside the parameters: BatchNorm buffers. Default: none.
  virtual void save(StateWriter& writer) const;
  virtual void load(StateReader& reader);
};

}  // namespace laconic
