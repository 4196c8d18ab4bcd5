// Value formats as compressors of their own: a whole vector into a frame, and back onto a sum.
#include <benchmark/benchmark.h>

#include <cmath>

#include "base/rng.h"
#include "compressors/options.h"
#include "tests/bench/ratio.h"

namespace laconic {
namespace {

constexpr std::size_t kCount = 25'000'000;
const RngKey kKey = make_key(1, 0, 0, RngPurpose::test);

const std::vector<float>& gaussian() {
  static const std::vector<float> v = [] {
    std::vector<float> made(kCount);
    for (std::size_t i = 0; i < made.size(); ++i) made[i] = static_cast<float>(normal(kKey, i));
    return made;
  }();
  return v;
}

Site site_of(Scratch& scratch) { return {kKey, derive(kKey, 1000), 0, 8, scratch}; }

std::unique_ptr<const Compressor> make(const ValueFormat& format, bool unbiased, bool checksum) {
  return make_compressor(QuantizerOptions{.values = format, .unbiased = unbiased},
                         {.checksum = checksum});
}

// ratio: to memcpy, as everywhere here. range(0): whether the frame has a checksum.
void encode(benchmark::State& state, const ValueFormat& format, bool unbiased) {
  const auto& v = gaussian();
  const auto compressor = make(format, unbiased, state.range(0) != 0);
  Scratch scratch;
  std::vector<std::byte> frame(compressor->max_bytes(v.size()));
  time_against(
      state, [&] { compressor->encode(v, frame, site_of(scratch)); }, Memcpy(v.size()));
}

void feedback(benchmark::State& state, const ValueFormat& format, bool unbiased) {
  const auto& v = gaussian();
  const auto compressor = make(format, unbiased, state.range(0) != 0);
  Scratch scratch;
  std::vector<float> residual(v.size());
  std::vector<std::byte> frame(compressor->max_bytes(v.size()));
  time_against(
      state, [&] { compressor->encode_residual(v, residual, {}, frame, site_of(scratch)); },
      Memcpy(v.size()));
}

void decode_add(benchmark::State& state, const ValueFormat& format, bool unbiased) {
  const auto& v = gaussian();
  const auto compressor = make(format, unbiased, state.range(0) != 0);
  Scratch scratch;
  std::vector<float> sum(v.size());
  std::vector<std::byte> frame(compressor->max_bytes(v.size()));
  frame.resize(compressor->encode(v, frame, site_of(scratch)));
  time_against(
      state, [&] { compressor->decode_add(frame, 0.125f, sum); }, Memcpy(v.size()));
}

// What no kernel goes below: one read of the vector.
void read(benchmark::State& state) {
  const auto& v = gaussian();
  time_against(
      state, [&] { benchmark::DoNotOptimize(sum_of(v)); }, Memcpy(v.size()));
}

struct Row {
  const char* name;
  ValueFormat format;
  bool unbiased = false;
};

void register_all() {
  const std::vector<Row> rows{
      {"float32", Float32Options{}},
      {"bf16", Bf16Options{}},
      {"bf16_unbiased", Bf16Options{}, true},
      {"fp16", Fp16Options{}},
      {"fp8_e4m3", Fp8E4M3Options{}},
      {"fp8_e5m2", Fp8E5M2Options{}},
      {"fp8_e4m3_unbiased", Fp8E4M3Options{}, true},
      {"sign", SignOptions{}},
      {"qsgd", QsgdOptions{}},
      {"qsgd_7_levels", QsgdOptions{.levels = 7, .bucket = 128}},
      {"natural", NaturalOptions{}},
      {"two_bit", TwoBitOptions{}},
      {"pyramid", PyramidOptions{}},
  };
  benchmark::RegisterBenchmark("read", read)->UseManualTime()->Unit(benchmark::kMillisecond);
  using Run = void (*)(benchmark::State&, const ValueFormat&, bool);
  const std::pair<const char*, Run> runs[] = {
      {"encode", encode}, {"feedback", feedback}, {"decode_add", decode_add}};
  for (const auto& [kind, run] : runs)
    for (const Row& row : rows)
      benchmark::RegisterBenchmark(
          (std::string(kind) + "/" + row.name).c_str(),
          [run = run, row](benchmark::State& state) { run(state, row.format, row.unbiased); })
          ->ArgName("checksum")
          ->Arg(0)
          ->Arg(1)
          ->UseManualTime()
          ->Unit(benchmark::kMillisecond);
}

}  // namespace
}  // namespace laconic

int main(int argc, char** argv) {
  laconic::register_all();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
