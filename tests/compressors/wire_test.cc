// The frame's header and the codings of indices, each by itself.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/errors.h"
#include "base/rng.h"
#include "compressors/frame.h"
#include "compressors/kernels/targets.h"
#include "compressors/wire/bits.h"
#include "compressors/wire/endian.h"
#include "compressors/wire/frame.h"
#include "compressors/wire/indices.h"
#include "compressors/wire/rice.h"

namespace laconic::wire {
namespace {

using Indices = std::vector<std::uint32_t>;

std::vector<std::byte> frame_of(bool checksum) {
  std::vector<std::byte> out(frame_bytes(3, 5, checksum));
  FrameWriter writer(out, Selection::top_k, 77, {.checksum = checksum});
  std::ranges::fill(writer.room(), std::byte{0xab});
  writer.indices(Coding::raw16, 3);
  Scratch scratch;
  writer.values(Values::bf16, 5, scratch).next(5);
  EXPECT_EQ(writer.finish(), out.size());
  return out;
}

TEST(Frame, ReadsWhatWasWritten) {
  for (const bool checksum : {false, true}) {
    const auto bytes = frame_of(checksum);
    const Frame frame = read_frame(bytes);
    EXPECT_EQ(frame.selection, Selection::top_k);
    EXPECT_EQ(frame.coding, Coding::raw16);
    EXPECT_EQ(frame.values, Values::bf16);
    EXPECT_EQ(frame.count, 77u);
    EXPECT_EQ(frame.indices.bytes.data(), bytes.data() + 16);
    EXPECT_EQ(frame.indices.bytes.size(), 3u);
    EXPECT_EQ(frame.payload.bytes.data(), bytes.data() + 19);
    EXPECT_EQ(frame.payload.bytes.size(), 5u);
    const Split parts = split(bytes);
    EXPECT_EQ(parts.indices, 3u);
    EXPECT_EQ(parts.values, 5u);
    EXPECT_EQ(parts.framing, checksum ? 20u : 16u);
  }
}

// Short sections are written in place and long ones past the caches: the bytes, and their hash, are
// the same, wherever they begin.
TEST(SectionWriter, PutsPiecesWhereTheyBelong) {
  Scratch scratch;
  for (const std::size_t size : {std::size_t{0}, std::size_t{10'000}, (std::size_t{9} << 20) + 5})
    for (const std::size_t begin : {0, 16, 63}) {
      std::vector<std::byte> memory(begin + size + 100, std::byte{0xee}), expected(size);
      for (std::size_t i = 0; i < size; ++i) expected[i] = static_cast<std::byte>(i * i >> 7);
      Hasher hasher;
      {
        SectionWriter writer(MutBytes(memory).subspan(begin, size), &hasher, scratch);
        for (std::size_t done = 0, piece = 1; done < size; done += piece) {
          piece = std::min((7 * piece + 3) % 70'001, size - done);
          std::copy_n(&expected[done], piece, writer.next(piece));
        }
        writer.finish();
      }
      ASSERT_TRUE(std::ranges::equal(MutBytes(memory).subspan(begin, size), expected)) << size;
      EXPECT_EQ(hasher.hash(), hash_of(Bytes(expected)));
      const auto untouched = [](std::byte b) { return b == std::byte{0xee}; };
      EXPECT_TRUE(std::all_of(memory.begin(), memory.begin() + begin, untouched));
      EXPECT_TRUE(std::all_of(memory.end() - 100, memory.end(), untouched));
      SectionWriter overfull(MutBytes(memory).first(3), nullptr, scratch);
      EXPECT_THROW(overfull.next(4), std::logic_error);
      overfull.next(2);
      EXPECT_THROW(overfull.finish(), std::logic_error);
    }
}

// Which byte is wrong is told by the error's offset.
TEST(Frame, RefusesEachFieldByItself) {
  const auto offset_of = [](std::size_t at, std::byte value) {
    auto bytes = frame_of(false);
    bytes[at] = value;
    try {
      read_frame(bytes);
    } catch (const WireError& error) {
      return static_cast<int>(error.offset());
    }
    return -1;
  };
  EXPECT_EQ(offset_of(0, std::byte{'M'}), 0);
  EXPECT_EQ(offset_of(1, std::byte{1}), 1);
  EXPECT_EQ(offset_of(1, std::byte{3}), 1);
  EXPECT_EQ(offset_of(2, std::byte{8}), 2);
  EXPECT_EQ(offset_of(3, std::byte{7 << 1}), 3);
  EXPECT_EQ(offset_of(3, std::byte{10 << 4}), 3);
  EXPECT_EQ(offset_of(7, std::byte{0x40}), 4);
  EXPECT_EQ(offset_of(8, std::byte{4}), 8);
  EXPECT_EQ(offset_of(15, std::byte{1}), 8);
  EXPECT_EQ(offset_of(3, std::byte{0x15}), 8) << "a checksum that is not there";
}

// Keys had another meaning in version 1.
TEST(Frame, SaysWhichVersionItIsAndWhichIsRead) {
  auto bytes = frame_of(false);
  EXPECT_EQ(bytes[1], std::byte{2});
  bytes[1] = std::byte{1};
  try {
    read_frame(bytes);
    FAIL() << "version 1 was read";
  } catch (const WireError& error) {
    EXPECT_NE(std::string(error.what()).find("version 1 of the format, expected 2"),
              std::string::npos)
        << error.what();
  }
}

TEST(Frame, SplitCountsBytesThatAreNoFrameAsFraming) {
  const std::vector<std::byte> noise(40, std::byte{0x4C});
  EXPECT_EQ(split(noise).framing, 40u);
  EXPECT_EQ(split({}).framing, 0u);
}

TEST(Bits, ComeBackAtAnyWidth) {
  const RngKey key = make_key(1, 0, 0, RngPurpose::test);
  for (unsigned width = 0; width <= 32; ++width) {
    std::vector<std::byte> bytes(bytes_for_bits(100 * width) + 1);
    const auto number = [&](unsigned i) {
      return static_cast<std::uint32_t>(random_bits(key, i) & ((std::uint64_t{1} << width) - 1));
    };
    BitWriter writer(bytes);
    for (unsigned i = 0; i < 100; ++i) writer.put(number(i), width);
    EXPECT_EQ(writer.finish(), bytes_for_bits(100 * width));
    BitReader reader(bytes), from_the_middle(bytes, 37 * width);
    for (unsigned i = 0; i < 100; ++i) ASSERT_EQ(reader.get(width), number(i));
    for (unsigned i = 37; i < 100; ++i) ASSERT_EQ(from_the_middle.get(width), number(i));
  }
}

Indices read_all(Coding coding, Bytes section, std::size_t count) {
  IndexReader reader(coding, {section, kHeaderBytes}, count);
  Indices all;
  for (auto piece = reader.next(); !piece.empty(); piece = reader.next())
    all.insert(all.end(), piece.begin(), piece.end());
  EXPECT_EQ(all.size(), reader.kept());
  return all;
}

std::vector<std::byte> write(const IndexPlan& plan, const Indices& indices, std::size_t count) {
  std::vector<std::byte> section(plan.max_bytes);
  section.resize(write_indices(plan, indices, count, section));
  EXPECT_LE(section.size(), plan.max_bytes);
  return section;
}

Indices random_indices(std::size_t count, std::uint32_t one_in, std::uint64_t seed) {
  Indices indices;
  const RngKey key = make_key(seed, 0, 0, RngPurpose::test);
  for (std::uint32_t i = 0; i < count; ++i)
    if (uniform_below(key, i, one_in) == 0) indices.push_back(i);
  return indices;
}

// Sets of indices that stress a coding: spread, crowded at either end, alone, all.
std::vector<Indices> sets_below(std::size_t count) {
  std::vector<Indices> sets{{}};
  if (count == 0) return sets;
  const auto last = static_cast<std::uint32_t>(count - 1);
  Indices all(count), head(std::min<std::size_t>(count, 600)), tail(head.size());
  std::iota(all.begin(), all.end(), 0u);
  std::iota(head.begin(), head.end(), 0u);
  std::iota(tail.begin(), tail.end(), static_cast<std::uint32_t>(count - tail.size()));
  sets.insert(sets.end(), {{0}, {last}, head, tail, all});
  if (last > 0) sets.push_back({0, last});
  for (const std::uint32_t one_in : {2, 3, 10, 100, 1000})
    sets.push_back(random_indices(count, one_in, one_in));
  return sets;
}

constexpr std::size_t kCounts[] = {0,  1,    2,    7,    8,     63,    64,
                                   65, 4095, 4096, 4097, 65536, 65537, 300001};

TEST(Indices, ComeBackAsPlanned) {
  for (const std::size_t count : kCounts)
    for (const Indices& indices : sets_below(count))
      for (const IndexCoding choice : {IndexCoding::automatic, IndexCoding::raw32}) {
        const IndexPlan plan = plan_indices(indices.size(), count, choice);
        EXPECT_EQ(read_all(plan.coding, write(plan, indices, count), count), indices);
      }
}

TEST(Indices, ComeBackInEveryCoding) {
  for (const std::size_t count : kCounts)
    for (const Indices& indices : sets_below(count)) {
      std::vector<IndexPlan> plans{{Coding::raw32, 0, 4 * indices.size()},
                                   {Coding::bitmap, 0, bytes_for_bits(count)}};
      if (count <= 65536) plans.push_back({Coding::raw16, 0, 2 * indices.size()});
      if (count <= 4096 && count > 0)
        plans.push_back({Coding::block12, 0, 4 + bytes_for_bits(12 * indices.size())});
      for (unsigned shift = 0; !indices.empty() && indices.size() << shift <= count; ++shift)
        plans.push_back({Coding::rice, shift, rice_bytes(indices.size(), count, shift)});
      for (const IndexPlan& plan : plans) {
        SCOPED_TRACE("coding " + std::to_string(static_cast<int>(plan.coding)) + " shift " +
                     std::to_string(plan.shift) + " count " + std::to_string(count));
        EXPECT_EQ(read_all(plan.coding, write(plan, indices, count), count), indices);
      }
    }
}

// Bit by bit as compressors/README.md has it.
std::vector<std::byte> rice_by_the_grammar(const Indices& indices, unsigned shift) {
  const std::size_t kept = indices.size(), low_bytes = (kept * shift + 7) / 8;
  std::vector<std::byte> out(5 + low_bytes);
  const auto set = [&out](std::size_t byte, std::size_t bit) {
    if (byte + bit / 8 >= out.size()) out.resize(byte + bit / 8 + 1);
    out[byte + bit / 8] |= static_cast<std::byte>(1 << bit % 8);
  };
  store(out.data(), static_cast<std::uint32_t>(kept));
  store(out.data() + 4, static_cast<std::uint8_t>(shift));
  std::uint32_t next = 0;
  std::size_t unary = 0;
  for (std::size_t i = 0; i < kept; ++i) {
    const std::uint32_t gap = indices[i] - next;
    next = indices[i] + 1;
    for (unsigned bit = 0; bit < shift; ++bit) {
      if ((gap >> bit & 1) == 0) continue;
      const std::size_t tile = i / 512, in_tile = i % 512, lane = in_tile % 16;
      const std::size_t in_lane = in_tile / 16 * shift + bit;
      if (tile < kept / 512)
        set(5 + tile * 64 * shift + in_lane / 32 * 64 + 4 * lane, in_lane % 32);
      else
        set(5 + tile * 64 * shift, in_tile * shift + bit);
    }
    unary += gap >> shift;
    set(5 + low_bytes, unary++);
  }
  return out;
}

TEST(Indices, RiceIsAsTheGrammarHasIt) {
  for (const kernels::Target& target : kernels::supported_targets()) {
    const kernels::OnTarget on(target);
    for (const std::size_t count : {7, 4097, 300001})
      for (const Indices& indices : sets_below(count))
        for (unsigned shift = 0; !indices.empty() && indices.size() << shift <= count; ++shift) {
          const IndexPlan plan{Coding::rice, shift, rice_bytes(indices.size(), count, shift)};
          const auto section = write(plan, indices, count);
          ASSERT_TRUE(section == rice_by_the_grammar(indices, shift))
              << target.name << ", shift " << shift << ", " << indices.size() << " of " << count;
          ASSERT_EQ(read_all(Coding::rice, section, count), indices);
        }
  }
}

TEST(Indices, RiceIsNearTheEntropy) {
  constexpr std::size_t kCount = 10'000'000;
  for (const auto& [one_in, most] :
       {std::pair{1000u, 1.015}, std::pair{100u, 1.015}, std::pair{10u, 1.02}}) {
    const Indices indices = random_indices(kCount, one_in, one_in);
    const IndexPlan plan = plan_indices(indices.size(), kCount, IndexCoding::automatic);
    ASSERT_EQ(plan.coding, Coding::rice);
    const auto n = static_cast<double>(kCount), k = static_cast<double>(indices.size());
    const double entropy =
        (std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1)) / std::log(2.0);
    EXPECT_LE(8.0 * static_cast<double>(write(plan, indices, kCount).size()), most * entropy);
  }
}

TEST(Indices, Block12KeepsEquallyManyInEachBlock) {
  constexpr std::size_t kCount = 3 * 4096 + 100;
  Indices indices;
  for (std::uint32_t block = 0; block < 4; ++block)
    for (std::uint32_t i = 0; i < (block < 3 ? 64 : 2); ++i)
      indices.push_back(block * 4096 + i * 60 + block);
  const IndexPlan plan = plan_block12(64, 2, kCount);
  EXPECT_EQ(plan.max_bytes, 4 + bytes_for_bits(12 * indices.size()));
  EXPECT_EQ(read_all(Coding::block12, write(plan, indices, kCount), kCount), indices);
}

TEST(Indices, PlanTakesTheSmallestBound) {
  const auto coding = [](std::size_t kept, std::size_t count) {
    return plan_indices(kept, count, IndexCoding::automatic).coding;
  };
  EXPECT_EQ(coding(1000, 1000), Coding::all);
  EXPECT_EQ(coding(1, 1000), Coding::raw16);
  EXPECT_EQ(coding(1, 100000), Coding::raw32);
  EXPECT_EQ(coding(1000, 100000), Coding::rice);
  EXPECT_EQ(coding(40000, 100000), Coding::bitmap);
  for (std::size_t kept = 0; kept <= 5000; ++kept)
    for (const std::size_t count : {std::size_t{5000}, std::size_t{5003}, std::size_t{70000}}) {
      const IndexPlan plan = plan_indices(kept, count, IndexCoding::automatic);
      if (kept == count) continue;
      std::size_t least = std::min(4 * kept, bytes_for_bits(count));
      if (count <= 65536) least = std::min(least, 2 * kept);
      for (unsigned shift = 0; kept > 0 && kept << shift <= count; ++shift)
        least = std::min(least, rice_bytes(kept, count, shift));
      // The shift is chosen in bits; rounding up to bytes may cost one.
      ASSERT_LE(plan.max_bytes, least + 1) << kept << " of " << count;
    }
}

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

TEST(Indices, RefusesWhatDoesNotAscendOrFit) {
  const auto refuse = [](Coding coding, std::initializer_list<int> section, std::size_t count) {
    EXPECT_THROW(read_all(coding, bytes_of(section), count), WireError)
        << "coding " << static_cast<int>(coding);
  };
  refuse(Coding::all, {0}, 8);
  refuse(Coding::raw32, {1, 0, 0}, 8);
  refuse(Coding::raw32, {8, 0, 0, 0}, 8);
  refuse(Coding::raw32, {3, 0, 0, 0, 3, 0, 0, 0}, 8);
  refuse(Coding::raw32, {3, 0, 0, 0, 2, 0, 0, 0}, 8);
  refuse(Coding::raw32, {0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0}, 2);
  refuse(Coding::raw16, {1}, 8);
  refuse(Coding::raw16, {8, 0}, 8);
  refuse(Coding::raw16, {3, 0, 2, 0}, 8);
  refuse(Coding::raw16, {3, 0}, 65537);
  refuse(Coding::block12, {0, 0, 1}, 8);
  refuse(Coding::block12, {0, 0, 1, 0, 8, 0}, 8);        // beyond the vector
  refuse(Coding::block12, {0, 0, 9, 0}, 8);              // more than the block has
  refuse(Coding::block12, {0, 0, 2, 0, 3, 0x30, 0}, 8);  // twice the same
  refuse(Coding::block12, {0, 0, 1, 0, 3}, 8);           // cut short
  refuse(Coding::block12, {0, 0, 0, 0}, 0);
  refuse(Coding::bitmap, {1, 0}, 8);
  refuse(Coding::bitmap, {0x80}, 7);
  refuse(Coding::rice, {1, 0, 0, 0, 0}, 8);                  // nothing after the header
  refuse(Coding::rice, {0, 0, 0, 0, 0, 1}, 8);               // no index
  refuse(Coding::rice, {9, 0, 0, 0, 0, 0xff, 1}, 8);         // more than elements
  refuse(Coding::rice, {1, 0, 0, 0, 4, 0, 1}, 8);            // shift too large
  refuse(Coding::rice, {1, 0, 0, 0, 30, 0, 0, 0, 0, 1}, 8);  // shift out of range
  refuse(Coding::rice, {2, 0, 0, 0, 2, 0x0f}, 8);            // no room for the unary stream
  refuse(Coding::rice, {1, 0, 0, 0, 0, 0, 1}, 8);            // index 8
  refuse(Coding::rice, {2, 0, 0, 0, 0, 1}, 8);               // one index too few
  refuse(Coding::rice, {1, 0, 0, 0, 0, 3}, 8);               // one too many
  refuse(Coding::rice, {1, 0, 0, 0, 0, 1, 0}, 8);            // goes on
  refuse(Coding::rice, {1, 0, 0, 0, 3, 1, 0x02}, 8);         // quotient 1: index 9
  refuse(Coding::key, {}, 8);
  EXPECT_EQ(read_all(Coding::rice, bytes_of({1, 0, 0, 0, 0, 0x80}), 8), Indices{7});
}

// The unary stream of a huge quotient must not wrap round to a small index.
TEST(Indices, RefusesQuotientsThatWouldWrap) {
  constexpr std::size_t kCount = std::size_t{1} << 29;
  std::vector<std::byte> section(5 + 4 + 16);
  store(section.data(), std::uint32_t{1});
  store(section.data() + 4, std::uint8_t{29});
  section.back() = std::byte{1};
  EXPECT_THROW(read_all(Coding::rice, section, kCount), WireError);
}

}  // namespace
}  // namespace laconic::wire
