// What sparsifiers are made of: selection, index codec, random indices, sums of sparse frames.
#include <benchmark/benchmark.h>

#include <array>
#include <cmath>

#include "base/rng.h"
#include "compressors/kernels/random_indices.h"
#include "compressors/kernels/top_k.h"
#include "compressors/kernels/vectors.h"
#include "compressors/options.h"
#include "compressors/wire/indices.h"
#include "compressors/wire/rice.h"
#include "tests/bench/ratio.h"
#include "tests/compressors/plain_rice.h"

namespace laconic {
namespace {

constexpr std::size_t kCount = 25'000'000;
const RngKey kKey = make_key(1, 0, 0, RngPurpose::test);

using Indices = std::vector<std::uint32_t>;

Site site_of(Scratch& scratch, std::uint64_t rank = 0) {
  return {derive(kKey, rank), derive(kKey, 1000), 0, 8, scratch};
}

// --- Vectors, as adversaries of a sample would have them.

enum class Kind { gaussian, sorted, constant, huge, zeros, ties, two_values, narrow };
constexpr const char* kKindNames[] = {"gaussian", "sorted", "constant",   "one_huge",
                                      "zeros",    "ties",   "two_values", "narrow"};

std::vector<float> vector_of(Kind kind, std::size_t count, std::uint64_t seed = 0) {
  std::vector<float> v(count);
  const RngKey key = derive(kKey, seed);
  // Sums of bytes are normal enough, and quick.
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t bits = random_bits(key, i);
    int total = -1020;
    for (int byte = 0; byte < 8; ++byte) total += static_cast<int>(bits >> 8 * byte & 255);
    const float z = (static_cast<float>(total) + static_cast<float>(bits % 9973) / 9973) / 209;
    switch (kind) {
      case Kind::gaussian:
        v[i] = z;
        break;
      case Kind::sorted:
        v[i] = static_cast<float>(i + 1) / static_cast<float>(count);
        break;
      case Kind::constant:
        v[i] = 1.5f;
        break;
      case Kind::huge:
        v[i] = i == count / 3 ? 1e38f : z;
        break;
      case Kind::zeros:
        v[i] = 0;
        break;
      case Kind::ties:
        v[i] = std::round(4 * z) / 4;
        break;
      case Kind::two_values:
        v[i] = z > 0.5f ? 2.0f : -1.0f;
        break;
      case Kind::narrow:
        v[i] = 1 + std::abs(z) * 1e-5f;
        break;
    }
  }
  return v;
}

const std::vector<float>& gaussian_vector() {
  static const std::vector<float> v = vector_of(Kind::gaussian, kCount);
  return v;
}

// Made when it is first asked for; of the others one is kept at a time.
const std::vector<float>& shared_vector(Kind kind) {
  if (kind == Kind::gaussian) return gaussian_vector();
  static std::vector<float> v;
  static Kind held = Kind::gaussian;
  if (held != kind) v = vector_of(kind, kCount);
  held = kind;
  return v;
}

std::size_t per_mille(const benchmark::State& state, std::size_t count) {
  return count * static_cast<std::size_t>(state.range(0)) / 1000;
}

// ratio: to one read of the vector.
void top_k(benchmark::State& state) {
  const auto& v = shared_vector(static_cast<Kind>(state.range(1)));
  state.SetLabel(kKindNames[state.range(1)]);
  Scratch scratch;
  const std::size_t k = per_mille(state, v.size());
  time_against(
      state,
      [&] {
        const Scratch::Scope scope(scratch);
        benchmark::DoNotOptimize(kernels::top_k(v, k, scratch));
      },
      [&] { benchmark::DoNotOptimize(sum_of(v)); });
}

// What defeats a sample; ratio: to the same of the Gaussian vector.
void top_k_defeated(benchmark::State& state) {
  const auto& v = shared_vector(static_cast<Kind>(state.range(1)));
  state.SetLabel(kKindNames[state.range(1)]);
  Scratch scratch;
  const std::size_t k = per_mille(state, v.size());
  const auto select = [&scratch, k](Floats from) {
    const Scratch::Scope scope(scratch);
    benchmark::DoNotOptimize(kernels::top_k(from, k, scratch));
  };
  time_against(
      state, [&] { select(v); }, [&] { select(gaussian_vector()); });
}

// ratio: to memcpy.
void top_k_feedback(benchmark::State& state) {
  const auto& v = shared_vector(static_cast<Kind>(state.range(1)));
  state.SetLabel(kKindNames[state.range(1)]);
  std::vector<float> residual(v.size());
  Scratch scratch;
  const std::size_t k = per_mille(state, v.size());
  time_against(
      state,
      [&] {
        const Scratch::Scope scope(scratch);
        benchmark::DoNotOptimize(
            kernels::top_k_feedback(v, residual, {}, lose_nothing, k, scratch));
      },
      Memcpy(v.size()));
}

// The whole of it: error feedback, selection, Rice code, bf16. ratio: to memcpy.
void encode_residual(benchmark::State& state) {
  const auto& v = shared_vector(Kind::gaussian);
  std::vector<float> residual(v.size());
  Scratch scratch;
  const auto compressor = make_compressor(
      TopKOptions{.density = 0.001 * static_cast<double>(state.range(0)), .values = Bf16Options{}},
      {.checksum = false});
  std::vector<std::byte> frame(compressor->max_bytes(v.size()));
  std::size_t bytes = 0;
  time_against(
      state, [&] { bytes = compressor->encode_residual(v, residual, {}, frame, site_of(scratch)); },
      Memcpy(v.size()));
  state.counters["bits_per_kept"] =
      8 * static_cast<double>(bytes) / static_cast<double>(per_mille(state, v.size()));
}

// --- Rice

Indices uniform_indices(std::size_t kept, std::size_t count) {
  Indices indices(kept);
  Scratch scratch;
  random_subset(kKey, count, indices, scratch);
  return indices;
}

double entropy_bits(double k, double n) {
  return (std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1)) / std::log(2.0);
}

struct RiceCase {
  std::size_t count, kept;
  Indices indices;
  unsigned shift;
  std::vector<std::byte> split, plain;
  std::size_t bytes, plain_bytes;

  explicit RiceCase(const benchmark::State& state)
      : count(static_cast<std::size_t>(state.range(1))),
        kept(per_mille(state, count)),
        indices(uniform_indices(kept, count)),
        shift(wire::rice_shift(kept, count)),
        split(wire::rice_bytes(kept, count, shift)),
        plain(split.size() + 64),
        bytes(wire::write_rice(indices, shift, split)),
        plain_bytes(plain_rice::encode(indices, shift, plain.data())) {}

  void report(benchmark::State& state) const {
    state.counters["over_entropy"] =
        8 * static_cast<double>(bytes) /
        entropy_bits(static_cast<double>(kept), static_cast<double>(count));
    state.counters["ns"] = benchmark::Counter(
        static_cast<double>(kept) * 1e-9,
        benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
  }
};

// ratio: to the plain coder.
void rice_encode(benchmark::State& state) {
  RiceCase c(state);
  time_against(
      state, [&] { c.bytes = wire::write_rice(c.indices, c.shift, c.split); },
      [&] { c.plain_bytes = plain_rice::encode(c.indices, c.shift, c.plain.data()); });
  c.report(state);
}

void rice_decode(benchmark::State& state) {
  RiceCase c(state);
  Indices plain(c.kept);
  std::array<std::uint32_t, wire::RiceReader::kPiece> piece;
  time_against(
      state,
      [&] {
        wire::RiceReader reader({Bytes(c.split).first(c.bytes), 0}, c.count);
        for (std::size_t done = 0; done < c.kept; done += piece.size())
          benchmark::DoNotOptimize(reader.next(piece));
      },
      [&] {
        plain_rice::decode(c.plain.data(), c.shift, plain);
        benchmark::DoNotOptimize(plain.data());
      });
  if (plain != c.indices) state.SkipWithError("the plain coder does not decode");
  c.report(state);
}

// --- Random indices; ns: for each.

template <typename Draw>
void random_indices(benchmark::State& state, const Draw& draw) {
  Indices indices(per_mille(state, kCount));
  std::uint64_t step = 0;
  for (auto _ : state) {
    draw(derive(kKey, step++), indices);
    benchmark::DoNotOptimize(indices.data());
  }
  state.counters["ns"] = benchmark::Counter(
      static_cast<double>(indices.size()) * 1e-9,
      benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void random_subset(benchmark::State& state) {
  Scratch scratch;
  random_indices(state, [&](const RngKey& key, Indices& indices) {
    laconic::random_subset(key, kCount, indices, scratch);
  });
}

void random_of_strata(benchmark::State& state) {
  random_indices(state, [](const RngKey& key, Indices& indices) {
    laconic::random_of_strata(key, kCount, indices);
  });
}

// --- Eight frames of Top-k 1 % added up; ratio: to memcpy.

template <typename Add>
void add_frames(benchmark::State& state, const Add& add) {
  constexpr std::size_t kFrames = 8;
  const auto compressor =
      make_compressor(TopKOptions{.density = 0.01, .values = Bf16Options{}}, {.checksum = false});
  Scratch scratch;
  std::vector<std::vector<std::byte>> frames;
  for (std::uint64_t rank = 0; rank < kFrames; ++rank) {
    const auto v = vector_of(Kind::gaussian, kCount, rank);
    auto& frame = frames.emplace_back(compressor->max_bytes(kCount));
    frame.resize(compressor->encode(v, frame, site_of(scratch, rank)));
  }
  std::vector<float> sum(kCount);
  const std::vector<Bytes> all(frames.begin(), frames.end());
  time_against(
      state, [&] { add(*compressor, all, sum); }, Memcpy(kCount));
}

void decode_add(benchmark::State& state) {
  add_frames(state, [](const Compressor& compressor, std::span<const Bytes> frames, MutFloats sum) {
    for (const Bytes frame : frames) compressor.decode_add(frame, 0.125f, sum);
  });
}

void decode_add_all(benchmark::State& state) {
  add_frames(state, [](const Compressor& compressor, std::span<const Bytes> frames, MutFloats sum) {
    compressor.decode_add_all(frames, 0.125f, sum);
  });
}

constexpr auto kMillisecond = benchmark::kMillisecond;
BENCHMARK(top_k)->ArgsProduct({{1, 10, 100}, {0}})->UseManualTime()->Unit(kMillisecond);
BENCHMARK(top_k_defeated)
    ->ArgsProduct({{1, 10, 100}, benchmark::CreateDenseRange(1, 7, 1)})
    ->UseManualTime()
    ->Unit(kMillisecond);
BENCHMARK(top_k_feedback)->ArgsProduct({{1, 10, 100}, {0}})->UseManualTime()->Unit(kMillisecond);
BENCHMARK(top_k_feedback)
    ->ArgsProduct({{10}, benchmark::CreateDenseRange(1, 7, 1)})
    ->UseManualTime()
    ->Unit(kMillisecond);
BENCHMARK(encode_residual)->Arg(1)->Arg(10)->Arg(100)->UseManualTime()->Unit(kMillisecond);
BENCHMARK(rice_encode)->ArgsProduct({{1, 10, 100}, {kCount}})->UseManualTime();
BENCHMARK(rice_decode)->ArgsProduct({{1, 10, 100}, {kCount}})->UseManualTime();
BENCHMARK(random_subset)->Arg(1)->Arg(10)->Arg(100);
BENCHMARK(random_of_strata)->Arg(1)->Arg(10)->Arg(100);
BENCHMARK(decode_add)->UseManualTime()->Unit(kMillisecond);
BENCHMARK(decode_add_all)->UseManualTime()->Unit(kMillisecond);

}  // namespace
}  // namespace laconic

BENCHMARK_MAIN();
