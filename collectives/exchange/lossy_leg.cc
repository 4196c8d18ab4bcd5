#include "collectives/exchange/lossy_leg.h"

#include <algorithm>
#include <utility>

#include "base/errors.h"
#include "compressors/kernels/vectors.h"

namespace laconic {
namespace {

constexpr std::uint64_t kNormsEvery = 10;  // steps

LegOptions leg_options(LossyLeg::Way way, const ExchangeOptions& options) {
  const LegOptions up{options.compressor, options.feedback};
  return way == LossyLeg::Way::up ? up : options.down.value_or(up);
}

/// Density warms up on every leg whose compressor has one that can; where the first leg's has none,
/// that is a mistake of the user's.
WarmUpOptions warm_up(LossyLeg::Way way, const ExchangeOptions& options) {
  if (way == LossyLeg::Way::down && !can_warm_up(leg_options(way, options).compressor)) return {};
  return options.warm_up;
}

}  // namespace

LossyLeg::LossyLeg(Way way, const ExchangeOptions& options, std::span<const Slice> frames,
                   std::span<const Slice> own)
    : way_(way),
      feedback_(leg_options(way, options).feedback),
      schedule_(leg_options(way, options).compressor, options.frame, warm_up(way, options)),
      local_(way == Way::up ? options.local : LocalOptions{}, schedule_.sparse(), own),
      residual_(feedback_.on ? own : std::span<const Slice>{}) {
  for (const Slice slice : frames) {
    if (feedback_.on && !schedule_.contractive(slice.count))
      throw ConfigError(way == Way::up ? "error_feedback.on" : "down.error_feedback.on",
                        "false with a compressor that does not contract: what it leaves out would "
                        "grow without bound");
    room_ = std::max(room_, schedule_.max_bytes(slice.count));
  }
}

Bytes LossyLeg::encode(Floats in, Slice where, const Round& round, MutBytes frame) {
  const Site site = round.site(way_ == Way::up ? RngPurpose::compress : RngPurpose::compress_down,
                               where, scratch_);
  const Compressor& compressor = schedule_.at(round.step());
  const Floats corrected = local_.correct(in, where, round);
  const std::size_t bytes =
      feedback_.on ? compressor.encode_residual(corrected, residual_.part(where),
                                                {feedback_.scale, feedback_.decay}, frame, site)
                   : compressor.encode(corrected, frame, site);
  if (feedback_.on) take_norms(corrected, where, round);
  const Bytes written = Bytes(frame).first(bytes);
  if (local_.masks()) {
    static_cast<const Sparsifier&>(compressor).decode_list(written, where.count, kept_);
    local_.mask(where, kept_.indices);
  }
  return written;
}

/// Of one frame after the other, added up over those of a step.
void LossyLeg::take_norms(Floats in, Slice where, const Round& round) {
  if (round.step() % kNormsEvery != 0) return;
  if (std::exchange(norms_of_, round.step()) != round.step()) norms_ = {};
  norms_.gradient_square += sum_of_squares(in, 1);
  norms_.residual_square += sum_of_squares(residual_.part(where), 1);
}

void LossyLeg::release(int times, MutFloats into) {
  residual_.release(static_cast<float>(times) / feedback_.scale, into);
}

void LossyLeg::save(StateWriter& writer) const {
  StateWriter::Scope scope(writer, name());
  if (feedback_.on) residual_.save(writer);
  local_.save(writer);
}

void LossyLeg::load(StateReader& reader) {
  StateReader::Scope scope(reader, name());
  if (feedback_.on) residual_.load(reader);
  local_.load(reader);
}

}  // namespace laconic
