// The blob of a checkpoint, which also travels between ranks.
#include "base/state.h"
#include "base/errors.h"
#include "tests/fuzz/fuzzer.h"

namespace laconic::fuzz {
namespace {

template <typename Ask>
void ask(Ask one) {
  try {
    one();
  } catch (const DataError&) {
  }
}

}  // namespace

void run(Bytes input) {
  ask([&] {
    StateReader reader(input, "input");
    const StateReader::Scope scope(reader, "method");
    std::vector<float> three(3);
    ask([&] { reader.floats("momentum", three); });
    ask([&] { reader.floats("momentum"); });
    ask([&] { reader.u64("step"); });
    ask([&] { reader.u64s("step"); });
    ask([&] { reader.bytes("name"); });
  });
}

std::vector<Input> seeds() {
  StateWriter writer;
  const StateWriter::Scope scope(writer, "method");
  const float momentum[] = {1, 2, 3};
  const std::byte name[] = {std::byte{'a'}};
  writer.floats("momentum", momentum);
  writer.u64("step", 7);
  writer.bytes("name", name);
  writer.bytes("nothing", {});
  return {{}, writer.blob()};
}

}  // namespace laconic::fuzz
