// Hello, table and notice of the tcp transport. The first byte says which.
#include "collectives/transports/tcp/handshake.h"

#include <algorithm>

#include "base/errors.h"
#include "tests/fuzz/fuzzer.h"

namespace laconic::fuzz {
namespace {

template <typename T>
void read(Bytes input, T (*decode)(Bytes)) {
  const auto again = tcp::encode(decode(input));
  require(std::ranges::equal(again, input), "what is read is written as it was");
}

void read_notice(Bytes input) {
  const tcp::Notice notice = tcp::decode_notice(input);
  require(std::ranges::all_of(notice.cause, [](char c) { return c >= ' ' && c <= '~'; }),
          "a printable cause");
  require(tcp::encode(notice).size() == input.size(), "a cause of the length that was given");
}

}  // namespace

void run(Bytes input) {
  const int which = take<std::uint8_t>(input) % 3;
  try {
    if (which == 0) read(input, tcp::decode_hello);
    if (which == 1) read(input, tcp::decode_table);
    if (which == 2) read_notice(input);
  } catch (const WireError&) {
  }
}

std::vector<Input> seeds() {
  const tcp::Hello hello{1, 4, 0x1122334455667788, "job", "node1/boot", "10.0.0.1", 4000};
  const tcp::Seat seat{"node2/boot", "fd00::2", 4001};
  std::vector<Input> all(3);
  put<std::uint8_t>(all[0], 0), put(all[0], Bytes(tcp::encode(hello)));
  put<std::uint8_t>(all[1], 1), put(all[1], Bytes(tcp::encode(tcp::Table{7, {{}, seat, seat}})));
  put<std::uint8_t>(all[2], 2), put(all[2], Bytes(tcp::encode(tcp::Notice{2, "it is over"})));
  return all;
}

}  // namespace laconic::fuzz
