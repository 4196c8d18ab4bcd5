// The frame's header: read_frame, and what the ledger asks of bytes that nobody has checked.
#include "compressors/frame.h"
#include "base/errors.h"
#include "compressors/wire/frame.h"
#include "tests/fuzz/fuzzer.h"

namespace laconic::fuzz {

void run(Bytes input) {
  require(split(input).total() == input.size(), "a split that adds up");
  try {
    const wire::Frame frame = wire::read_frame(input);
    require(frame.count <= wire::kMaxElements, "a count within the limit");
    const Split parts = split(input);
    require(
        frame.indices.bytes.size() == parts.indices && frame.payload.bytes.size() == parts.values,
        "the ledger counts the sections that are read");
    wire::read_frame(input, frame.selection, frame.values, frame.count);
  } catch (const WireError&) {
  }
}

std::vector<Input> seeds() {
  std::vector<Input> all;
  for (const bool checksum : {false, true})
    for (const std::size_t bytes : {0, 5}) {
      Input out(wire::frame_bytes(bytes, bytes, checksum));
      wire::FrameWriter writer(out, wire::Selection::top_k, 77, {.checksum = checksum});
      writer.indices(wire::Coding::raw16, bytes);
      Scratch scratch;
      writer.values(wire::Values::bf16, bytes, scratch).next(bytes);
      writer.finish();
      all.push_back(std::move(out));
    }
  return all;
}

}  // namespace laconic::fuzz
