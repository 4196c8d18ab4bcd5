#include "collectives/exchange/lossy_leg.h"

#include <algorithm>

#include "base/errors.h"

namespace laconic {
namespace {

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
  const auto purpose = way_ == Way::up ? RngPurpose::compress : RngPurpose::compress_down;
  const RngKey shared =
      derive(derive(round.key(), static_cast<std::uint64_t>(purpose)), where.begin);
  const Site site{derive(shared, round.rank()), shared, round.rank(), round.ranks(), scratch_};
  const Compressor& compressor = schedule_.at(round.step());
  const std::size_t bytes =
      feedback_.on ? compressor.encode_residual(in, residual_.part(where),
                                                {feedback_.scale, feedback_.decay}, frame, site)
                   : compressor.encode(in, frame, site);
  return Bytes(frame).first(bytes);
}

void LossyLeg::release(int times, MutFloats into) {
  residual_.release(static_cast<float>(times) / feedback_.scale, into);
}

void LossyLeg::save(StateWriter& writer) const {
  if (!feedback_.on) return;
  StateWriter::Scope scope(writer, name());
  residual_.save(writer);
}

void LossyLeg::load(StateReader& reader) {
  if (!feedback_.on) return;
  StateReader::Scope scope(reader, name());
  residual_.load(reader);
}

}  // namespace laconic
