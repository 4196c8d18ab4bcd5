#include "collectives/exchange/local_correction.h"

#include <cmath>

namespace laconic {

LocalCorrection::LocalCorrection(const LocalOptions& options, bool masks,
                                 std::span<const Slice> own)
    : options_(options),
      masks_(masks && options.momentum > 0 && options.factor_masking),
      velocity_(options.momentum > 0 ? own : std::span<const Slice>{}) {}

Floats LocalCorrection::correct(Floats gradient, Slice where, const Round& round) {
  float factor = 1;
  if (options_.clip > 0) {
    double square = 0;
    for (const float g : gradient) square += static_cast<double>(g) * g;
    const double most = options_.clip / std::sqrt(static_cast<double>(round.ranks()));
    if (square > most * most) factor = static_cast<float>(most / std::sqrt(square));
  }
  if (options_.momentum > 0) {
    const MutFloats velocity = velocity_.part(where);
    for (std::size_t i = 0; i < velocity.size(); ++i)
      velocity[i] = options_.momentum * velocity[i] + factor * gradient[i];
    return velocity;
  }
  if (factor == 1) return gradient;
  clipped_.assign(gradient.begin(), gradient.end());
  for (float& g : clipped_) g *= factor;
  return clipped_;
}

void LocalCorrection::mask(Slice where, std::span<const std::uint32_t> indices) {
  if (!masks_) return;
  const MutFloats velocity = velocity_.part(where);
  for (const std::uint32_t i : indices) velocity[i] = 0;
}

void LocalCorrection::mask(Slice where, Floats sent) {
  if (!masks_) return;
  const MutFloats velocity = velocity_.part(where);
  for (std::size_t i = 0; i < sent.size(); ++i)
    if (sent[i] != 0) velocity[i] = 0;
}

void LocalCorrection::save(StateWriter& writer) const {
  if (options_.momentum == 0) return;
  StateWriter::Scope scope(writer, "momentum");
  velocity_.save(writer);
}

void LocalCorrection::load(StateReader& reader) {
  if (options_.momentum == 0) return;
  StateReader::Scope scope(reader, "momentum");
  velocity_.load(reader);
}

}  // namespace laconic
