#pragma once

#include <memory>
#include <span>
#include <vector>

#include "collectives/exchange/flight.h"
#include "collectives/exchange/round.h"
#include "compressors/compressor.h"

namespace laconic {

/// Memory for the frames of buckets in flight: `each` places of the same room in every slot.
class Frames {
 public:
  Frames(std::size_t slots, std::size_t each, std::size_t room)
      : each_(each),
        room_(room),
        memory_(std::make_unique_for_overwrite<std::byte[]>(slots * each * room)) {}

  MutBytes at(std::size_t slot, int place) const {
    return {memory_.get() + room_ * (slot * each_ + static_cast<std::size_t>(place)), room_};
  }

 private:
  std::size_t each_, room_;
  std::unique_ptr<std::byte[]> memory_;
};

/// The frames of all participants that `stage` has waited for, in rank order; this rank's is `own`.
std::vector<Bytes> frames_by_rank(const Flight& flight, std::size_t stage, const Round& round,
                                  Bytes own);

/// out = the mean of what the frames say, added in the order given.
void average(std::span<const Bytes> frames, const Compressor& compressor, MutFloats out);

/// What this rank sent, as the others decode it; zeros where it takes no part.
void decode_own(Bytes own, const Compressor& compressor, const Round& round, MutFloats sent);

}  // namespace laconic
