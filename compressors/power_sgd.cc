// PowerSGD (Vogels, Karimireddy, Jaggi, NeurIPS 2019; later version: github.com/epfml/powersgd).
//
// Each tensor M (rows x columns) is sent as a product P Qᵀ of two thin factors. A half-step on one
// side keeps the other side's factor, orthonormal, and projects:
//
//   left:   Q <- orthonormal(Q),  P <- mean over ranks of M Q
//   right:  P <- orthonormal(P),  Q <- mean over ranks of Mᵀ P
//
// Sides take turns, and each half-step starts from the factors of the last, so that over the steps
// this is a power iteration that tracks the leading singular vectors of the slowly changing mean
// gradient. Both factors are the same on all ranks, so nothing but the new one travels:
// rank * rows or rank * columns floats instead of rows * columns. With two rounds a step makes both
// half-steps (the paper), with one round one of them (the later version).
//
// The projection is linear in M: the mean of what ranks decode to is what the mean decodes to, and
// what a rank itself contributed is the same product with its own factor in place of the mean.
// Since one factor is orthonormal, that is an orthogonal projection of M, and |M - sent| <= |M|.
#include <algorithm>
#include <cmath>
#include <vector>

#include "base/check.h"
#include "base/errors.h"
#include "compressors/kernels/tall_skinny.h"
#include "compressors/linear_makers.h"

namespace laconic {
namespace {

enum class Side { left, right };

// A tensor that is worth factorising, and where its pieces lie.
struct Factored {
  std::size_t in;  // its first element in the bucket
  std::size_t rows, columns;
  int rank;
  std::size_t left, right;  // its factors in all the bucket's left and right factors

  Slice slice() const { return {in, rows * columns}; }
  Slice factor(Side side) const {
    return side == Side::left ? Slice{left, rank * rows} : Slice{right, rank * columns};
  }
  std::size_t length(Side side) const { return side == Side::left ? rows : columns; }
};

// A tensor whose factors would be more than half as long as itself goes as it is: vectors, and
// matrices with only a few rows or columns.
bool worth_factoring(const Tensor& tensor, int rank) {
  return 2 * rank * (tensor.rows + tensor.columns) <= tensor.count();
}

// Its largest element is brought near 1, exactly, so that squares neither vanish nor overflow.
void scale_to_one(MutFloats column) {
  float largest = 0;
  for (float x : column) largest = std::max(largest, std::abs(x));
  if (largest == 0) return;
  const double scale = std::ldexp(1.0, -std::ilogb(largest));
  for (float& x : column) x = static_cast<float>(x * scale);
}

// Modified Gram-Schmidt on the columns of a factor, each projection done twice, which is enough
// (Giraud, Langou, Rozložník 2005). A column that lies in the span of those before it, as with a
// zero gradient or one of lower rank, is drawn anew: a power iteration never leaves a zero.
void orthonormalize(MutFloats factor, std::size_t n, int rank, const RngKey& key) {
  constexpr float kVanished = 1e-5f;  // of its length before; float leaves about 1e-7
  for (int k = 0; k < rank; ++k) {
    const MutFloats column = factor.subspan(k * n, n);
    for (std::uint64_t draw = 0;; ++draw) {
      scale_to_one(column);
      const float before = std::sqrt(kernels::dot(column, column));
      for (int pass = 0; pass < 2; ++pass)
        for (int j = 0; j < k; ++j) {
          const Floats other = factor.subspan(j * n, n);
          kernels::axpy(other, -kernels::dot(column, other), column);
        }
      const float length = std::sqrt(kernels::dot(column, column));
      if (length > kVanished * before) {
        for (float& x : column) x /= length;
        break;
      }
      const RngKey fresh = derive(derive(key, k), draw);
      for (std::size_t i = 0; i < n; ++i) column[i] = static_cast<float>(normal(fresh, i));
    }
  }
}

class PowerSgd final : public LinearCompressor {
 public:
  PowerSgd(const PowerSgdOptions& options, const Layout& layout)
      : rounds_(options.rounds), count_(bucket_size(layout)) {
    std::size_t left = 0, right = 0;
    for (const Tensor& tensor : layout) {
      const std::size_t in = tensor.begin - layout.front().begin;
      if (!worth_factoring(tensor, options.rank)) {
        dense_.push_back({in, tensor.count()});
        dense_floats_ += tensor.count();
        continue;
      }
      factored_.push_back({in, tensor.rows, tensor.columns, options.rank, left, right});
      left += options.rank * tensor.rows;
      right += options.rank * tensor.columns;
    }
    left_.resize(left), right_.resize(right);
  }

  int rounds() const override { return rounds_; }

  std::size_t floats(int round) const override {
    return (side(round) == Side::left ? left_ : right_).size() + (last(round) ? dense_floats_ : 0);
  }

  void project(int round, Floats in, MutFloats payload, const Site& site) override {
    check(in.size() == count_ && payload.size() == floats(round), "lengths of a PowerSGD round");
    if (turn_ == 0 && round == 0) draw_first_factors(site.shared);
    const Side to = side(round);
    const Side from = other(to);
    for (std::size_t t = 0; t < factored_.size(); ++t) {
      const Factored& f = factored_[t];
      const MutFloats kept = part(factors(from), f.factor(from));
      orthonormalize(kept, f.length(from), f.rank, derive(site.shared, t));
      const auto product = to == Side::left ? kernels::multiply : kernels::multiply_transposed;
      product(part(in, f.slice()), f.rows, f.columns, kept, f.rank, part(payload, f.factor(to)),
              site.scratch);
    }
    if (!last(round)) return check_finite(payload);
    std::size_t at = factors(to).size();
    for (const Slice& slice : dense_) {
      std::ranges::copy(part(in, slice), payload.begin() + at);
      at += slice.count;
    }
    check_finite(payload);
    own_.assign(payload.begin(), payload.end());
  }

  void absorb(int round, Floats mean) override {
    check(mean.size() == floats(round), "the payload's length");
    const MutFloats to = factors(side(round));
    std::ranges::copy(mean.first(to.size()), to.begin());
    if (!last(round)) return;
    const Floats dense = mean.subspan(to.size());
    dense_mean_.assign(dense.begin(), dense.end());
    turn_ += rounds_;
  }

  void reconstruct(MutFloats mean, MutFloats sent) const override {
    check(turn_ > 0 && dense_mean_.size() == dense_floats_, "reconstruct comes after absorb");
    const Side to = side(-1);  // of the half-step that was absorbed last
    expand(to, to == Side::left ? left_ : right_, dense_mean_, mean);
    if (!sent.empty()) expand(to, own_, Floats(own_).subspan(own_.size() - dense_floats_), sent);
  }

  void save(StateWriter& writer) const override {
    writer.u64("turn", turn_);
    writer.floats("left", left_);
    writer.floats("right", right_);
  }

  void load(StateReader& reader) override {
    turn_ = reader.u64("turn");
    reader.floats("left", left_);
    reader.floats("right", right_);
  }

 private:
  static Side other(Side side) { return side == Side::left ? Side::right : Side::left; }
  Side side(int round) const { return (turn_ + round) % 2 == 0 ? Side::left : Side::right; }
  bool last(int round) const { return round == rounds_ - 1; }
  MutFloats factors(Side side) { return side == Side::left ? left_ : right_; }

  void draw_first_factors(const RngKey& shared) {
    for (std::size_t i = 0; i < right_.size(); ++i)
      right_[i] = static_cast<float>(normal(shared, i));
  }

  static void check_finite(Floats payload) {
    if (!std::ranges::all_of(payload, [](float x) { return std::isfinite(x); }))
      throw NumericError("power_sgd was given a vector that is not finite, or overflowed");
  }

  // The product of the kept factors with `fresh` ones on side `to`, and the dense tensors.
  void expand(Side to, Floats fresh, Floats dense, MutFloats out) const {
    check(out.size() == count_, "as long as the layout");
    for (const Factored& f : factored_) {
      const Floats left = part(to == Side::left ? fresh : Floats(left_), f.factor(Side::left));
      const Floats right = part(to == Side::right ? fresh : Floats(right_), f.factor(Side::right));
      kernels::outer_product(left, right, f.rank, f.rows, f.columns, part(out, f.slice()));
    }
    std::size_t at = 0;
    for (const Slice& slice : dense_) {
      std::ranges::copy(dense.subspan(at, slice.count), out.begin() + slice.begin);
      at += slice.count;
    }
  }

  int rounds_;
  std::size_t count_;
  std::vector<Factored> factored_;
  std::vector<Slice> dense_;
  std::size_t dense_floats_ = 0;
  std::vector<float> left_, right_;  // of all factored tensors, one after another
  std::vector<float> own_;           // this rank's payload of the last round
  std::vector<float> dense_mean_;
  std::uint64_t turn_ = 0;  // half-steps so far: even ones end on the left
};

}  // namespace

std::unique_ptr<LinearCompressor> make_power_sgd(const PowerSgdOptions& options,
                                                 const Layout& layout) {
  if (options.rank < 1 || options.rank > 1024) throw ConfigError("rank", "a number from 1 to 1024");
  if (options.rounds != 1 && options.rounds != 2) throw ConfigError("rounds", "1 or 2");
  return std::make_unique<PowerSgd>(options, layout);
}

}  // namespace laconic
