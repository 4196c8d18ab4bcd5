#include "problems/matrix_game.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/check.h"
#include "base/errors.h"
#include "problems/prox.h"
#include "problems/spectrum.h"

namespace laconic {
namespace {

using Doubles = std::vector<double>;

/// One matrix of the game: the wealth of every house, and what all ranks agree on, the reach.
struct Game {
  Doubles wealth;
  double decay;  ///< exp(-1 / reach): what is left of the danger one house further.

  /// out_i = sum_j (1 - decay^|i - j|) v_j. What lies to the left of i, and what lies to its right,
  /// is what lay there one house before, times decay: two sweeps have it all.
  void escape(std::span<const double> v, std::span<double> out) const {
    std::fill(out.begin(), out.end(), std::accumulate(v.begin(), v.end(), 0.0));
    double danger = 0;
    for (std::size_t i = 0; i < v.size(); ++i) out[i] -= danger = v[i] + decay * danger;
    danger = 0;
    for (std::size_t i = v.size(); i-- > 0; danger = v[i] + decay * danger)
      out[i] -= decay * danger;
  }

  /// out = A y.
  void right(std::span<const double> y, std::span<double> out) const {
    Doubles stake(y.begin(), y.end());
    for (std::size_t j = 0; j < stake.size(); ++j) stake[j] *= wealth[j];
    escape(stake, out);
  }

  /// out = A'x.
  void left(std::span<const double> x, std::span<double> out) const {
    escape(x, out);
    for (std::size_t j = 0; j < wealth.size(); ++j) out[j] *= wealth[j];
  }

  /// The norm of A, from above.
  double norm(const RngKey& key) const {
    Doubles image(wealth.size());
    const auto gram = [&](std::span<const double> v, std::span<double> out) {
      right(v, image);
      left(image, out);
    };
    return std::sqrt(largest_eigenvalue_bound(wealth.size(), gram, key));
  }
};

class MatrixGame final : public Oracle {
 public:
  MatrixGame(const MatrixGameOptions& options, std::uint64_t seed, int rank, int ranks)
      : count_(options.houses),
        layout_{{"policeman", 0, count_, 1}, {"burglar", count_, count_, 1}},
        key_(make_key(seed, kEveryRank, 0, RngPurpose::problem)),
        x_(count_),
        y_(count_),
        right_(count_),
        left_(count_) {
    const double decay = std::exp(-1 / options.reach);
    mean_ = {Doubles(count_), decay};
    for (int r = 0; r < ranks; ++r) {
      const RngKey own = make_key(seed, static_cast<std::uint32_t>(r), 0, RngPurpose::problem);
      Game game{Doubles(count_), decay};
      for (std::size_t j = 0; j < count_; ++j) {
        game.wealth[j] = std::abs(normal(key_, j) + options.spread * normal(own, j));
        mean_.wealth[j] += game.wealth[j] / ranks;
      }
      largest_ = std::max(largest_, game.norm(key_));
      if (r == rank) own_ = std::move(game);
    }
  }

  const Layout& layout() const override { return layout_; }
  void initialize(RngKey, MutFloats z) const override {
    std::fill(z.begin(), z.end(), 1 / static_cast<float>(count_));
  }
  std::uint64_t examples() const override { return 0; }

  double evaluate(Floats at, const Sample&, MutFloats out, const ReadyFn&) override {
    check(at.size() == 2 * count_ && out.size() == 2 * count_, "vectors fit the problem");
    std::copy_n(at.begin(), count_, x_.begin());
    std::copy_n(at.begin() + static_cast<std::ptrdiff_t>(count_), count_, y_.begin());
    own_.right(y_, right_);
    own_.left(x_, left_);
    for (std::size_t i = 0; i < count_; ++i) {
      out[i] = static_cast<float>(right_[i]);
      out[count_ + i] = static_cast<float>(-left_[i]);
    }
    return dot(x_, right_);
  }

  bool has_prox() const override { return true; }
  void prox(float step, MutFloats z) const override {
    for (const Tensor& strategy : layout_)
      apply_prox(SimplexProx{}, step, part(z, slice_of(strategy)));
  }

  Constants constants() const override {
    return {.smoothness = mean_.norm(key_), .largest_smoothness = largest_, .strong_convexity = 0};
  }

  Scores score(Floats at, Share) const override {
    check(at.size() == 2 * count_, "vectors fit the problem");
    const auto middle = at.begin() + static_cast<std::ptrdiff_t>(count_);
    const Doubles x(at.begin(), middle), y(middle, at.end());
    Doubles right(count_), left(count_);
    mean_.right(y, right);
    mean_.left(x, left);
    return {.loss = dot(x, right),
            .gap = *std::max_element(left.begin(), left.end()) -
                   *std::min_element(right.begin(), right.end()),
            .examples = 1};
  }

 private:
  std::size_t count_;
  Layout layout_;
  RngKey key_;
  Game own_, mean_;
  double largest_ = 0;            // of the norms of all ranks' matrices
  Doubles x_, y_, right_, left_;  // working memory
};

}  // namespace

std::unique_ptr<Oracle> make_matrix_game(const MatrixGameOptions& options, std::uint64_t seed,
                                         int rank, int ranks) {
  check(0 <= rank && rank < ranks, "a rank below the number of ranks");
  if (options.houses < 1) throw ConfigError("houses", "expected at least 1");
  if (!(options.reach > 0 && std::isfinite(options.reach)))
    throw ConfigError("reach", "expected a positive number");
  if (!(options.spread >= 0 && std::isfinite(options.spread)))
    throw ConfigError("spread", "expected 0 or a positive number");
  return std::make_unique<MatrixGame>(options, seed, rank, ranks);
}

}  // namespace laconic
