#include "launcher/bench/compressor_cost.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "base/rng.h"
#include "compressors/frame.h"
#include "compressors/kernels/targets.h"
#include "compressors/kernels/vectors.h"
#include "launcher/bench/vectors.h"

namespace laconic::bench {
namespace {

constexpr float kScale = 0.25f;  // of decode_add: one of four ranks

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

double CompressorBench::error(const Subject& subject, Floats in) {
  subject.there_and_back(in, out_);
  double lost = 0, all = 0;
  for (std::size_t i = 0; i < in.size(); ++i) {
    const double x = in[i], d = out_[i] - x;
    lost += d * d;
    all += x * x;
  }
  return lost / all;
}

CompressorCost CompressorBench::measure(const Subject& subject) {
  CompressorCost cost;
  cost.target = kernels::active_target().name;
  cost.bits_per_element = 8.0 * static_cast<double>(subject.bytes) / static_cast<double>(count());
  const Work reference{
      [&] { std::memcpy(copy_.data(), gaussian_.data(), gaussian_.size() * sizeof(float)); }};
  cost.encode = ratio_of(subject.encode, reference, seconds_);
  cost.decode_add = ratio_of(subject.decode_add, reference, seconds_);
  cost.feedback = ratio_of(subject.feedback, reference, seconds_);
  cost.gaussian_error = error(subject, gaussian_);
  if (has_real_gradients()) cost.real_error = error(subject, real_);
  return cost;
}

CompressorCost CompressorBench::measure(const Compressor& compressor) {
  std::vector<std::byte> frame(compressor.max_bytes(count()));
  const std::size_t bytes = compressor.encode(gaussian_, frame, site());
  const Bytes encoded = Bytes(frame).first(bytes);
  const auto index_bits = over_entropy(compressor, encoded, count());
  // Each run does the same: sums and residuals begin at the same values.
  CompressorCost cost = measure(
      {.bytes = bytes,
       .encode = {[&] { compressor.encode(gaussian_, frame, site()); }},
       .decode_add = {[&] { compressor.decode_add(encoded, kScale, out_); },
                      [&] { std::ranges::fill(out_, 0.0f); }},
       .feedback = {[&] { compressor.encode_residual(gaussian_, residual_, {}, frame, site()); },
                    [&] { std::ranges::reverse_copy(gaussian_, residual_.begin()); }},
       .there_and_back = [&](Floats in, MutFloats out) {
         const std::size_t length = compressor.encode(in, frame, site());
         compressor.decode(Bytes(frame).first(length), out);
       }});
  cost.index_bits_over_entropy = index_bits;
  return cost;
}

CompressorCost CompressorBench::measure(const LinearCompressorOptions& options) {
  const Layout layout = square_and_rest(count());
  const auto compressor = make_linear_compressor(options, layout);
  std::size_t floats = 0;
  std::vector<float> payload;
  const auto encode = [&](Floats in) {
    floats = 0;
    for (int round = 0; round < compressor->rounds(); ++round) {
      payload.resize(compressor->floats(round));
      floats += payload.size();
      compressor->project(round, in, payload, site());
      compressor->absorb(round, payload);
    }
  };
  encode(gaussian_);
  return measure({.bytes = floats * sizeof(float),
                  .encode = {[&] { encode(gaussian_); }},
                  .decode_add = {[&] { compressor->reconstruct(out_, {}); }},
                  .feedback = {[&] {
                                 add_feedback(gaussian_, residual_, {}, residual_);
                                 encode(residual_);
                                 compressor->reconstruct(out_, copy_);
                                 subtract(residual_, copy_, residual_);
                               },
                               [&] { std::ranges::reverse_copy(gaussian_, residual_.begin()); }},
                  .there_and_back = [&](Floats in, MutFloats out) {
                    for (int step = 0; step < 4; ++step) {
                      encode(in);
                      compressor->reconstruct(out, {});
                    }
                  }});
}

}  // namespace laconic::bench
