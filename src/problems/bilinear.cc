#include "problems/bilinear.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <numeric>
#include <optional>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/errors.h"
#include "base/lanes.h"
#include "base/parallel.h"
#include "base/sampling.h"
#include "problems/product.h"
#include "problems/spectrum.h"

namespace laconic {
namespace {

using Doubles = std::vector<double>;

/// A square matrix, row after row, or a diagonal alone.
template <typename Element>
class Coupling {
 public:
  Coupling(std::size_t count, bool diagonal)
      : count_(count), diagonal_(diagonal), elements_(diagonal ? count : count * count) {}

  bool diagonal() const { return diagonal_; }
  std::size_t rows() const { return count_; }
  std::size_t columns() const { return diagonal_ ? 1 : count_; }

  /// What is held of row i: of a diagonal one element.
  std::span<Element> row(std::size_t i) {
    return std::span(elements_).subspan(i * columns(), columns());
  }
  std::span<const Element> row(std::size_t i) const {
    return std::span(elements_).subspan(i * columns(), columns());
  }
  const Element* data() const { return elements_.data(); }

  /// right = A y and left = A'x, as problems/product.h does it.
  void multiply(std::span<const double> x, std::span<const double> y, std::span<double> right,
                std::span<double> left) const {
    if (!diagonal_) return laconic::multiply(std::span(elements_), x, y, right, left);
    for (std::size_t i = 0; i < right.size(); ++i) right[i] = elements_[i] * y[i];
    for (std::size_t i = 0; i < left.size(); ++i) left[i] = elements_[i] * x[i];
  }

 private:
  std::size_t count_;
  bool diagonal_;
  std::vector<Element> elements_;
};

int threads() { return std::max(1, static_cast<int>(std::thread::hardware_concurrency())); }

/// The square of the norm of A: the largest eigenvalue of A'A.
template <typename Element>
SymmetricProduct gram(const Coupling<Element>& a) {
  return [&a, image = Doubles(a.rows())](std::span<const double> v, std::span<double> out) mutable {
    a.multiply({}, v, image, {});
    a.multiply(image, {}, {}, out);
  };
}

void check_options(const BilinearOptions& options) {
  const auto require = [](bool holds, const char* field, const char* expected) {
    if (!holds) throw ConfigError(field, expected);
  };
  require(options.dimensions >= 1, "dimensions", "expected at least 1");
  require(options.condition > 1 && std::isfinite(options.condition), "condition",
          "expected more than 1");
  require(options.spread >= 0 && std::isfinite(options.spread), "spread",
          "expected 0 or a positive number");
  require(options.scale_range >= 1 && std::isfinite(options.scale_range), "scale_range",
          "expected at least 1");
  require(options.noise >= 0 && std::isfinite(options.noise), "noise",
          "expected 0 or a positive number");
  require(options.start >= 0 && std::isfinite(options.start), "start",
          "expected 0 or a positive number");
}

Doubles make_scales(const BilinearOptions& options) {
  Doubles scales(options.dimensions, 1.0);
  for (std::size_t i = 1; i < scales.size(); ++i)
    scales[i] = std::pow(options.scale_range,
                         -static_cast<double>(i) / static_cast<double>(scales.size() - 1));
  return scales;
}

/// What a rank's random numbers are for.
enum Part : std::uint64_t { kCoupling, kLinearX, kLinearY, kNoise, kSpectrum };

}  // namespace

class BilinearInstance {
 public:
  BilinearInstance(const BilinearOptions& options, std::uint64_t seed, int ranks)
      : options_(options),
        seed_(seed),
        ranks_(ranks),
        scales_(make_scales(options)),
        common_(options.dimensions, options.diagonal),
        mean_(options.dimensions, options.diagonal),
        kept_(static_cast<std::size_t>(ranks)),
        linear_x_(options.dimensions),
        linear_y_(options.dimensions),
        solution_x_(options.dimensions),
        solution_y_(options.dimensions) {
    find_means();
    square_ = largest_eigenvalue(options.dimensions, gram(mean_), key(kEveryRank, kSpectrum));
    // (L / l)² = (l² + |A|²) / l²: the eigenvalues of the operator's matrix are l ± i sigma(A).
    lambda_ = std::sqrt(square_ / (options.condition * options.condition - 1));
    find_solution();
  }

  const BilinearOptions& options() const { return options_; }
  int ranks() const { return ranks_; }
  double lambda() const { return lambda_; }

  RngKey key(std::uint32_t rank, Part part) const {
    return make_key(seed_, rank, 0, RngPurpose::problem, part);
  }

  RngKey sampling_key(int rank) const {
    return make_key(seed_, static_cast<std::uint32_t>(rank), 0, RngPurpose::sample);
  }

  double scale(std::size_t i) const { return scales_[i]; }

  /// A_m, worked out once, by whoever asks first, and kept.
  const Coupling<float>& coupling(int rank) const {
    Kept& kept = kept_[static_cast<std::size_t>(rank)];
    std::call_once(kept.known, [&] { kept.coupling.emplace(make_coupling(rank)); });
    return *kept.coupling;
  }

  Doubles linear(int rank, Part part) const {
    const RngKey own = key(static_cast<std::uint32_t>(rank), part);
    Doubles values(options_.dimensions);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = scale(i) * normal(own, i);
    return values;
  }

  /// Worked out once, by whoever asks first.
  Constants constants() const {
    std::call_once(constants_known_, [this] { constants_ = find_constants(); });
    return constants_;
  }

  /// All of them are quadratic around the solution, with its own curvature each: no cancellation.
  Scores score(Floats at) const {
    const std::size_t count = options_.dimensions;
    Doubles u(count), v(count), right(count), left(count);
    for (std::size_t i = 0; i < count; ++i) {
      u[i] = at[i] - solution_x_[i];
      v[i] = at[count + i] - solution_y_[i];
    }
    mean_.multiply(u, v, right, left);
    const double uu = dot(u, u), vv = dot(v, v);
    return {.loss = value_ + dot(u, right) + lambda_ / 2 * (uu - vv),
            .gap = lambda_ / 2 * (uu + vv) + (dot(left, left) + dot(right, right)) / (2 * lambda_),
            .distance = uu + vv,
            .examples = 1};
  }

 private:
  /// What is kept of a rank.
  struct Kept {
    std::once_flag known;
    std::optional<Coupling<float>> coupling;
  };

  Coupling<float> make_coupling(int rank) const {
    Coupling<float> a(options_.dimensions, options_.diagonal);
    parallel_for(threads(), a.rows(), [&](std::size_t i) { write_row(i, rank, a.row(i)); });
    return a;
  }

  /// Row i of A_m.
  void write_row(std::size_t i, int rank, MutFloats row) const {
    const RngKey own = key(static_cast<std::uint32_t>(rank), kCoupling);
    const double* common = common_.row(i).data();
    for (std::size_t j = 0; j < row.size(); ++j) {
      const double value = common[j] + options_.spread * normal(own, i * row.size() + j);
      row[j] = static_cast<float>(scale(i) * scale(options_.diagonal ? i : j) * value);
    }
  }

  Constants find_constants() const {
    const auto smoothness = [&](double square) { return std::sqrt(lambda_ * lambda_ + square); };
    Doubles squares(static_cast<std::size_t>(ranks_));
    parallel_for(threads(), squares.size(), [&](std::size_t rank) {
      const Coupling<float> a = make_coupling(static_cast<int>(rank));  // not kept: M of them
      squares[rank] = largest_eigenvalue_bound(a.rows(), gram(a), key(kEveryRank, kSpectrum));
    });
    return {.smoothness = smoothness(1.01 * square_),
            .largest_smoothness = smoothness(*std::ranges::max_element(squares)),
            .strong_convexity = lambda_};
  }

  void find_means() {
    const RngKey common = key(kEveryRank, kCoupling);
    parallel_for(threads(), mean_.rows(), [&](std::size_t i) {
      const std::span<double> all = common_.row(i), mean = mean_.row(i);
      for (std::size_t j = 0; j < all.size(); ++j) all[j] = normal(common, i * all.size() + j);
      std::vector<float> row(all.size());
      for (int rank = 0; rank < ranks_; ++rank) {
        write_row(i, rank, row);
        for (std::size_t j = 0; j < row.size(); ++j) mean[j] += double{row[j]} / ranks_;
      }
    });
    for (int rank = 0; rank < ranks_; ++rank) {
      const Doubles x = linear(rank, kLinearX), y = linear(rank, kLinearY);
      for (std::size_t i = 0; i < x.size(); ++i) {
        linear_x_[i] += x[i] / ranks_;
        linear_y_[i] += y[i] / ranks_;
      }
    }
  }

  /// F = 0: A y + a + l x = 0 and A'x + b - l y = 0; without y, (l² + AA') x = -l a - A b.
  void find_solution() {
    const std::size_t count = options_.dimensions;
    Doubles image(count), right(count);
    mean_.multiply({}, linear_y_, right, {});
    for (std::size_t i = 0; i < count; ++i) right[i] = -lambda_ * linear_x_[i] - right[i];
    const auto product = [&](std::span<const double> v, std::span<double> out) {
      mean_.multiply(v, {}, {}, image);
      mean_.multiply({}, image, out, {});
      for (std::size_t i = 0; i < count; ++i) out[i] += lambda_ * lambda_ * v[i];
    };
    solution_x_ = solve(product, right);
    mean_.multiply(solution_x_, {}, {}, solution_y_);
    for (std::size_t i = 0; i < count; ++i)
      solution_y_[i] = (solution_y_[i] + linear_y_[i]) / lambda_;
    // At a saddle point x'Ay = -a'x - l|x|² = -b'y + l|y|², so that half of each linear term stays.
    value_ = (dot(linear_x_, solution_x_) + dot(linear_y_, solution_y_)) / 2;
  }

  BilinearOptions options_;
  std::uint64_t seed_;
  int ranks_;
  Doubles scales_;
  Coupling<double> common_;  // B before it is scaled
  Coupling<double> mean_;
  mutable std::vector<Kept> kept_;  // by rank
  Doubles linear_x_, linear_y_;     // means of the a_m and the b_m
  Doubles solution_x_, solution_y_;
  double square_ = 0;  // |A|²
  double lambda_ = 0;
  double value_ = 0;  // f at the solution
  mutable std::once_flag constants_known_;
  mutable Constants constants_;
};

namespace {

class Bilinear final : public Oracle {
 public:
  Bilinear(std::shared_ptr<const BilinearInstance> instance, int rank)
      : instance_(std::move(instance)),
        count_(instance_->options().dimensions),
        layout_{{"x", 0, count_, 1}, {"y", count_, count_, 1}},
        coupling_(instance_->coupling(rank)),
        linear_x_(instance_->linear(rank, kLinearX)),
        linear_y_(instance_->linear(rank, kLinearY)),
        noise_(make_noise(rank)),
        sampler_(all_pieces(), instance_->sampling_key(rank)),
        x_(count_),
        y_(count_),
        right_(count_),
        left_(count_) {}

  const Layout& layout() const override { return layout_; }
  void initialize(RngKey key, MutFloats z) const override {
    const double size = instance_->options().start;
    for (std::size_t i = 0; i < z.size(); ++i)
      z[i] = size > 0 ? static_cast<float>(size * normal(key, i)) : 0;
  }
  std::uint64_t examples() const override { return instance_->options().pieces; }

  double evaluate(Floats at, const Sample& sample, MutFloats out, const ReadyFn&) override {
    check(at.size() == 2 * count_ && out.size() == 2 * count_, "vectors fit the problem");
    const Floats x = at.first(count_), y = at.subspan(count_);
    const bool noisy = sample.size > 0 && sample.size < examples();
    if (coupling_.diagonal() && !noisy)
      return finish(x, y, out, [diagonal = coupling_.data()](auto i, double x_i, double y_i) {
        const double a = diagonal[i];
        return std::pair(a * y_i, a * x_i);
      });
    std::copy(x.begin(), x.end(), x_.begin());
    std::copy(y.begin(), y.end(), y_.begin());
    coupling_.multiply(x_, y_, right_, left_);
    if (noisy) add_noise(sample);
    return finish(x, y, out,
                  [this](std::size_t i, double, double) { return std::pair(right_[i], left_[i]); });
  }

  Constants constants() const override { return instance_->constants(); }
  Scores score(Floats at, Share) const override {
    check(at.size() == 2 * count_, "vectors fit the problem");
    return instance_->score(at);
  }

 private:
  /// Writes F and returns f, where products(i, x_i, y_i) are element i of A y and A'x.
  template <typename Products>
  double finish(Floats x, Floats y, MutFloats out, Products products) const {
    const double lambda = instance_->lambda();
    const double *of_x = linear_x_.data(), *of_y = linear_y_.data();
    float *to_x = out.data(), *to_y = to_x + count_;
    for (std::size_t i = 0; i < count_; ++i) {
      const double x_i = x[i], y_i = y[i];
      const auto [right, left] = products(i, x_i, y_i);
      to_x[i] = static_cast<float>(right + of_x[i] + lambda * x_i);
      to_y[i] = static_cast<float>(lambda * y_i - left - of_y[i]);
    }
    return sum_in_lanes<8>(count_, [&](std::size_t i) {
      const double x_i = x[i], y_i = y[i];
      return x_i * (products(i, x_i, y_i).first + of_x[i] + lambda / 2 * x_i) +
             y_i * (of_y[i] - lambda / 2 * y_i);
    });
  }

  std::vector<std::uint32_t> all_pieces() const {
    std::vector<std::uint32_t> pieces(instance_->options().pieces);
    std::iota(pieces.begin(), pieces.end(), 0u);
    return pieces;
  }

  /// One diagonal a piece; their sum is 0.
  std::vector<float> make_noise(int rank) const {
    const auto pieces = instance_->options().pieces;
    const double noise = instance_->options().noise;
    const RngKey key = instance_->key(static_cast<std::uint32_t>(rank), kNoise);
    std::vector<float> values(pieces * count_);
    for (std::size_t i = 0; i < count_; ++i) {
      double mean = 0;
      for (std::size_t p = 0; p < pieces; ++p) mean += normal(key, p * count_ + i) / pieces;
      const double size = noise * instance_->scale(i) * instance_->scale(i);
      for (std::size_t p = 0; p < pieces; ++p)
        values[p * count_ + i] = static_cast<float>(size * (normal(key, p * count_ + i) - mean));
    }
    return values;
  }

  void add_noise(const Sample& sample) {
    const auto batch = sampler_.batch(sample.draw, sample.size);
    const double weight = 1.0 / static_cast<double>(batch.size());
    for (const std::uint32_t piece : batch) {
      const Floats diagonal = Floats(noise_).subspan(piece * count_, count_);
      for (std::size_t i = 0; i < count_; ++i) {
        right_[i] += weight * diagonal[i] * y_[i];
        left_[i] += weight * diagonal[i] * x_[i];
      }
    }
  }

  std::shared_ptr<const BilinearInstance> instance_;
  std::size_t count_;
  Layout layout_;
  const Coupling<float>& coupling_;  // the instance's
  Doubles linear_x_, linear_y_;
  std::vector<float> noise_;
  BatchSampler sampler_;
  Doubles x_, y_, right_, left_;  // working memory: right = A y, left = A'x
};

}  // namespace

std::shared_ptr<const BilinearInstance> make_bilinear_instance(const BilinearOptions& options,
                                                               std::uint64_t seed, int ranks) {
  check_options(options);
  return std::make_shared<BilinearInstance>(options, seed, ranks);
}

std::unique_ptr<Oracle> make_bilinear(std::shared_ptr<const BilinearInstance> instance, int rank) {
  check(0 <= rank && rank < instance->ranks(), "a rank below the number of ranks");
  return std::make_unique<Bilinear>(std::move(instance), rank);
}

}  // namespace laconic
