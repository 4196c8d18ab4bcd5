// The header of the tcp transport's frames.
#include "collectives/transports/tcp/frame.h"

#include <algorithm>

#include "base/errors.h"
#include "tests/fuzz/fuzzer.h"

namespace laconic::fuzz {

void run(Bytes input) {
  tcp::HeaderBytes bytes{};
  std::copy_n(input.begin(), std::min(input.size(), bytes.size()), bytes.begin());
  try {
    const tcp::FrameHeader header = tcp::decode_header(bytes);
    require(tcp::segment_bytes(header) <= tcp::kSegmentBytes, "a segment within the limit");
    require(tcp::encode_header(header) == bytes, "a header that reads back as it was written");
  } catch (const WireError&) {
  }
}

std::vector<Input> seeds() {
  std::vector<Input> all;
  for (const auto type : {tcp::FrameType::hello, tcp::FrameType::table, tcp::FrameType::heartbeat,
                          tcp::FrameType::data, tcp::FrameType::more, tcp::FrameType::abort}) {
    const bool empty = type == tcp::FrameType::heartbeat;
    put(all.emplace_back(),
        Bytes(tcp::encode_header({type, Purpose::frame, 16, empty ? 0u : 1000u})));
  }
  return all;
}

}  // namespace laconic::fuzz
