#include "launcher/bench/compressor_cost.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "base/rng.h"
#include "compressors/frame.h"
#include "compressors/kernels/targets.h"
#include "launcher/bench/vectors.h"

namespace laconic::bench {
namespace {

/// log2(n choose k): no code for k of n indices, all sets alike, takes fewer bits on average.
double entropy_bits(std::size_t n, std::size_t k) {
  const auto log_factorial = [](std::size_t i) { return std::lgamma(static_cast<double>(i) + 1); };
  return (log_factorial(n) - log_factorial(k) - log_factorial(n - k)) / std::numbers::ln2;
}

std::optional<double> over_entropy(const Compressor& compressor, Bytes frame, std::size_t count) {
  const auto* sparsifier = dynamic_cast<const Sparsifier*>(&compressor);
  const double bits = 8.0 * static_cast<double>(split(frame).indices);
  if (sparsifier == nullptr || bits == 0) return std::nullopt;
  SparseList list;
  sparsifier->decode_list(frame, count, list);
  return bits / entropy_bits(count, list.indices.size());
}

}  // namespace

CompressorBench::CompressorBench(std::size_t count, double seconds)
    : seconds_(seconds),
      gaussian_(gaussian(count)),
      real_(real_gradients(count)),
      residual_(count),
      out_(count),
      copy_(count) {}

Site CompressorBench::site() {
  const RngKey key = make_key(1, 0, 0, RngPurpose::compress);
  return {key, derive(key, 1), 0, 1, scratch_};
}

double CompressorBench::memcpy_seconds() const {
  std::vector<float> to(count());
  std::vector<double> times;
  for (int i = 0; i < 9; ++i)
    times.push_back(seconds_of(
        {[&] { std::memcpy(to.data(), gaussian_.data(), gaussian_.size() * sizeof(float)); }}));
  return spread_of(std::move(times)).median;
}

double CompressorBench::error(const Compressor& compressor, Floats in) {
  std::vector<std::byte> frame(compressor.max_bytes(in.size()));
  frame.resize(compressor.encode(in, frame, site()));
  compressor.decode(frame, out_);
  double lost = 0, all = 0;
  for (std::size_t i = 0; i < in.size(); ++i) {
    const double x = in[i], d = out_[i] - x;
    lost += d * d;
    all += x * x;
  }
  return lost / all;
}

CompressorCost CompressorBench::measure(const Compressor& compressor) {
  const Floats in = gaussian_;
  std::vector<std::byte> frame(compressor.max_bytes(in.size()));
  const std::size_t bytes = compressor.encode(in, frame, site());
  const Bytes encoded = Bytes(frame).first(bytes);

  CompressorCost cost;
  cost.target = kernels::active_target().name;
  cost.bits_per_element = 8.0 * static_cast<double>(bytes) / static_cast<double>(in.size());
  cost.index_bits_over_entropy = over_entropy(compressor, encoded, in.size());

  const Work memcpy_all{[&] { std::memcpy(copy_.data(), in.data(), in.size_bytes()); }};
  // Each run does the same: sums and residuals begin at the same values.
  const Work encode{[&] { compressor.encode(in, frame, site()); }};
  const Work decode_add{[&] { compressor.decode_add(encoded, 0.25f, out_); },
                        [&] { std::ranges::fill(out_, 0.0f); }};
  const Work feedback{[&] { compressor.encode_residual(in, residual_, {}, frame, site()); },
                      [&] { std::reverse_copy(in.begin(), in.end(), residual_.begin()); }};
  cost.encode = ratio_of(encode, memcpy_all, seconds_);
  cost.decode_add = ratio_of(decode_add, memcpy_all, seconds_);
  cost.feedback = ratio_of(feedback, memcpy_all, seconds_);

  cost.gaussian_error = error(compressor, in);
  if (has_real_gradients()) cost.real_error = error(compressor, real_);
  return cost;
}

}  // namespace laconic::bench
