#include "collectives/ledger.h"

#include <gtest/gtest.h>

#include "collectives/transports/in_process.h"
#include "compressors/frame.h"
#include "compressors/options.h"
#include "tests/collectives/ranks.h"
#include "tests/collectives/vectors.h"

namespace laconic::test {
namespace {

std::vector<std::byte> a_frame() {
  const auto compressor = make_compressor(
      TopKOptions{.density = 0.1, .values = Float32Options{}, .indices = IndexCoding::raw32});
  Scratch scratch;
  std::vector<std::byte> frame(compressor->max_bytes(1000));
  frame.resize(
      compressor->encode(floats(0, 0, 1000), frame,
                         {.own = {}, .shared = {}, .rank = 0, .ranks = 2, .scratch = scratch}));
  return frame;
}

TEST(Ledger, CountsByPurposeAndSplitsFrames) {
  const auto frame = a_frame();
  run_ranks(make_in_process_group(2), [&](Transport& t) {
    Ledger ledger;
    const auto counted = count_bytes(t, ledger);
    std::vector<std::byte> buffer(10000);
    const auto pass = [&](Purpose purpose, Bytes payload) {
      const Tag tag{.channel = 1, .purpose = purpose};
      if (t.rank() == 0)
        counted->wait(counted->post_send(1, tag, payload));
      else
        counted->wait(counted->post_receive(0, tag, buffer));
    };
    pass(Purpose::control, Bytes(frame).first(5));
    pass(Purpose::dense, Bytes(frame).first(40));
    pass(Purpose::frame, frame);
    pass(Purpose::control, {});
    const ByteCount& count = t.rank() == 0 ? ledger.sent : ledger.received;
    EXPECT_EQ(count.control, 5u);
    EXPECT_EQ(count.dense, 40u);
    EXPECT_EQ(count.values, 400u);
    EXPECT_EQ(count.indices, 400u);
    EXPECT_EQ(count.framing, split(frame).framing);
    EXPECT_EQ(count.total(), 45 + frame.size());
    EXPECT_EQ(t.rank() == 0 ? ledger.messages_sent : ledger.messages_received, 4u);
    EXPECT_EQ(t.rank() == 0 ? ledger.messages_received : ledger.messages_sent, 0u);
  });
}

TEST(Ledger, CountsAReceiveWhenItIsDoneAndOnce) {
  auto group = make_in_process_group(2);
  Ledger ledger;
  const auto counted = count_bytes(*group[0], ledger);
  std::vector<std::byte> buffer(100);
  const Ticket receive = counted->post_receive(1, {.channel = 2}, buffer);
  EXPECT_FALSE(counted->poll(receive));
  EXPECT_EQ(ledger.messages_received, 0u);
  group[1]->wait(group[1]->post_send(0, {.channel = 2}, Bytes(buffer).first(7)));
  EXPECT_EQ(counted->wait_any({&receive, 1}), receive);
  EXPECT_EQ(ledger.received.control, 0u);
  EXPECT_EQ(counted->poll(receive), 7u);
  EXPECT_EQ(ledger.received.control, 7u);
  EXPECT_EQ(ledger.messages_received, 1u);
}

}  // namespace
}  // namespace laconic::test
