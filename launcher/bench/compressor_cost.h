#pragma once

#include <optional>
#include <string>

#include "compressors/compressor.h"
#include "compressors/linear_compressor.h"
#include "launcher/bench/timing.h"

namespace laconic::bench {

/// What a compressor costs and what it loses. Times are ratios to a memcpy of the same vector.
struct CompressorCost {
  std::string compressor, target;  ///< As in an experiment; the instruction set of its kernels.
  double bits_per_element = 0;     ///< Of the whole frame.
  std::optional<double> index_bits_over_entropy;  ///< Of log2(n choose k), where indices travel.
  Spread encode, decode_add, feedback;
  double gaussian_error = 0;         ///< |C(x) - x|² / |x|²
  std::optional<double> real_error;  ///< The same of real gradients, where there are any.
};

/// On vectors of one length, made once for all compressors.
class CompressorBench {
 public:
  /// `seconds` for each figure that is a time.
  CompressorBench(std::size_t count, double seconds);

  CompressorCost measure(const Compressor& compressor);

  /// The vector as the largest square matrix that it has room for, and a rest. `encode` is all of a
  /// step before the average, `decode_add` all after it; errors are those of the fourth step on the
  /// same vector, when a warm start has warmed up.
  CompressorCost measure(const LinearCompressorOptions& options);

  std::size_t count() const { return gaussian_.size(); }
  bool has_real_gradients() const { return !real_.empty(); }
  double memcpy_seconds() const;

 private:
  /// What is measured, whatever the interface behind it.
  struct Subject {
    std::size_t bytes;  // of a frame
    Work encode, decode_add, feedback;
    std::function<void(Floats, MutFloats)> there_and_back;  // out = C(in)
  };
  CompressorCost measure(const Subject& subject);
  double error(const Subject& subject, Floats in);
  Site site();

  double seconds_;
  std::vector<float> gaussian_, real_, residual_, out_, copy_;
  Scratch scratch_;
};

}  // namespace laconic::bench
