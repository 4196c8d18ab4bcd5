// Against what a user of LibTorch would write: torch::topk, and PowerSGD with its matrix products.
#include <benchmark/benchmark.h>
#include <torch/torch.h>

#include <algorithm>

#include "base/rng.h"
#include "compressors/kernels/top_k.h"
#include "compressors/linear_compressor.h"
#include "tests/bench/ratio.h"

namespace laconic {
namespace {

const RngKey kKey = make_key(1, 0, 0, RngPurpose::test);

// `tensor` sees the same memory.
struct Shared {
  std::vector<float> memory;
  torch::Tensor tensor;

  explicit Shared(std::size_t rows, std::size_t columns = 1) : memory(rows * columns) {
    for (std::size_t i = 0; i < memory.size(); ++i) memory[i] = static_cast<float>(normal(kKey, i));
    tensor = torch::from_blob(
        memory.data(), {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)});
  }
};

// ratio: torch's time over ours. The sets are compared.
void top_k_1pc(benchmark::State& state) {
  Shared v(25'000'000);
  const std::size_t k = v.memory.size() / 100;
  Scratch scratch;
  const torch::NoGradGuard no_grad;
  torch::Tensor indices;
  const auto theirs = [&] {
    indices = std::get<1>(v.tensor.flatten().abs().topk(static_cast<std::int64_t>(k), 0, true,
                                                        /*sorted=*/false));
  };
  time_against(state, theirs, [&] {
    const Scratch::Scope scope(scratch);
    benchmark::DoNotOptimize(kernels::top_k(v.memory, k, scratch));
  });
  const torch::Tensor sorted = std::get<0>(indices.sort());
  const auto ours = kernels::top_k(v.memory, k, scratch).indices;
  if (!std::equal(ours.begin(), ours.end(), sorted.data_ptr<std::int64_t>()))
    state.SkipWithError("the sets differ");
}

// One step of PowerSGD on a 4096 x 4096 matrix, both half-steps and the product of the factors.
// ratio: LibTorch's time over ours.
void power_sgd(benchmark::State& state) {
  constexpr std::size_t kSide = 4096;
  const auto rank = static_cast<int>(state.range(0));
  Shared m(kSide, kSide);
  const torch::NoGradGuard no_grad;
  torch::Tensor q = torch::randn({static_cast<std::int64_t>(kSide), rank});
  torch::Tensor product = torch::empty_like(m.tensor);
  const auto orthonormal = [](const torch::Tensor& x) {
    return std::get<0>(torch::linalg_qr(x, "reduced"));
  };
  const auto theirs = [&] {
    const torch::Tensor p = orthonormal(m.tensor.matmul(orthonormal(q)));
    q = m.tensor.t().matmul(p);
    torch::matmul_out(product, p, q.t());
  };

  const auto compressor =
      make_linear_compressor(PowerSgdOptions{.rank = rank}, {{"m", 0, kSide, kSide}});
  Scratch scratch;
  std::vector<float> payload, mean(kSide * kSide);
  const auto ours = [&] {
    for (int round = 0; round < compressor->rounds(); ++round) {
      payload.resize(compressor->floats(round));
      compressor->project(round, m.memory, payload, {kKey, kKey, 0, 1, scratch});
      compressor->absorb(round, payload);
    }
    compressor->reconstruct(mean, {});
  };
  time_against(state, theirs, ours);
}

// What rank 1 cannot go below: the matrix is read for each half-step, and the product written.
// ratio: time of the step over that of two reads and one write (memset, which goes past the
// caches).
void power_sgd_limit(benchmark::State& state) {
  constexpr std::size_t kSide = 4096;
  const auto rank = static_cast<int>(state.range(0));
  Shared m(kSide, kSide);
  const auto compressor =
      make_linear_compressor(PowerSgdOptions{.rank = rank}, {{"m", 0, kSide, kSide}});
  Scratch scratch;
  std::vector<float> payload, mean(kSide * kSide);
  const auto ours = [&] {
    for (int round = 0; round < compressor->rounds(); ++round) {
      payload.resize(compressor->floats(round));
      compressor->project(round, m.memory, payload, {kKey, kKey, 0, 1, scratch});
      compressor->absorb(round, payload);
    }
    compressor->reconstruct(mean, {});
  };
  time_against(state, ours, [&] {
    for (int pass = 0; pass < 2; ++pass) benchmark::DoNotOptimize(sum_of(m.memory));
    std::memset(mean.data(), 0, mean.size() * sizeof(float));
    benchmark::ClobberMemory();
  });
}

BENCHMARK(top_k_1pc)->UseManualTime()->Unit(benchmark::kMillisecond)->Iterations(5);
BENCHMARK(power_sgd)->Arg(1)->Arg(2)->Arg(4)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(power_sgd_limit)->Arg(1)->Arg(2)->Arg(4)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace laconic

int main(int argc, char** argv) {
  torch::set_num_threads(1);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
