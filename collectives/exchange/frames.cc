#include "collectives/exchange/frames.h"

#include <algorithm>

namespace laconic {

std::vector<Bytes> frames_by_rank(const Flight& flight, std::size_t stage, const Round& round,
                                  Bytes own) {
  std::vector<Bytes> frames;
  for (const int r : round.participants())
    frames.push_back(r == round.rank() ? own : flight.received(r, stage));
  return frames;
}

void average(std::span<const Bytes> frames, const Compressor& compressor, MutFloats out) {
  std::fill(out.begin(), out.end(), 0.0f);
  compressor.decode_add_all(frames, 1.0f / static_cast<float>(frames.size()), out);
}

void decode_own(Bytes own, const Compressor& compressor, const Round& round, MutFloats sent) {
  if (round.takes_part())
    compressor.decode(own, sent);
  else
    std::fill(sent.begin(), sent.end(), 0.0f);
}

}  // namespace laconic
