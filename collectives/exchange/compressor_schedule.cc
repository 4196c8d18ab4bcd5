#include "collectives/exchange/compressor_schedule.h"

#include <algorithm>
#include <cmath>

#include "base/errors.h"

namespace laconic {
namespace {

constexpr double kFirstDensity = 0.25;

/// The density of the options if they have one, to read and to set.
double* density_of(CompressorOptions& options) {
  return std::visit(
      [](auto& kind) -> double* {
        if constexpr (requires { kind.density; })
          return &kind.density;
        else
          return nullptr;
      },
      options);
}

}  // namespace

bool can_warm_up(const CompressorOptions& options) {
  CompressorOptions copy = options;
  const double* density = density_of(copy);
  return density != nullptr && *density < kFirstDensity;
}

CompressorSchedule::CompressorSchedule(const CompressorOptions& options, const FrameOptions& frame,
                                       const WarmUpOptions& warm_up)
    : warm_up_steps_(warm_up.steps) {
  if (warm_up.steps > 0) {
    CompressorOptions stage = options;
    if (!can_warm_up(options))
      throw ConfigError("density_warm_up.steps",
                        "0, since the compressor has no density below 1/4 to fall to");
    if (warm_up.stages < 1) throw ConfigError("density_warm_up.stages", "at least 1");
    double& density = *density_of(stage);
    const double last = density;
    for (int i = 0; i < warm_up.stages; ++i) {
      density =
          kFirstDensity * std::pow(last / kFirstDensity, static_cast<double>(i) / warm_up.stages);
      stages_.push_back(make_compressor(stage, frame));
    }
  }
  stages_.push_back(make_compressor(options, frame));
}

const Compressor& CompressorSchedule::at(std::uint64_t step) const {
  if (step >= warm_up_steps_) return *stages_.back();
  return *stages_[step * (stages_.size() - 1) / warm_up_steps_];
}

std::size_t CompressorSchedule::max_bytes(std::size_t count) const {
  std::size_t most = 0;
  for (const auto& stage : stages_) most = std::max(most, stage->max_bytes(count));
  return most;
}

bool CompressorSchedule::sparse() const {
  return std::all_of(stages_.begin(), stages_.end(), [](const auto& stage) {
    return dynamic_cast<const Sparsifier*>(stage.get()) != nullptr;
  });
}

bool CompressorSchedule::contractive(std::size_t count) const {
  return std::all_of(stages_.begin(), stages_.end(),
                     [&](const auto& stage) { return stage->guarantee(count).contractive(); });
}

}  // namespace laconic
