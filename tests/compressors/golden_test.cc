// The wire format, held still: what each section looked like when its format was settled, byte for
// byte. What is written or read otherwise needs another version.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>

#include "base/hash.h"
#include "base/rng.h"
#include "compressors/wire/frame.h"
#include "compressors/wire/indices.h"
#include "tests/compressors/all_compressors.h"

namespace laconic {
namespace {

using Frame = std::vector<std::byte>;

/// Small numbers, ties and zeros among them; the same on every machine, for nothing is rounded.
std::vector<float> golden_input(std::size_t count) {
  std::vector<float> v(count);
  for (std::size_t i = 0; i < count; ++i)
    v[i] = (static_cast<float>(i * 37 % 61) - 30) / 8 * (i % 5 == 0 ? 0 : 1);
  return v;
}

Frame encode(const CompressorOptions& options, Floats in, bool checksum) {
  const auto compressor = make_compressor(options, {.checksum = checksum});
  Scratch scratch;
  const RngKey own{1, 2}, shared{0x0123456789abcdef, 0xfedcba9876543210};
  Frame frame(compressor->max_bytes(in.size()));
  frame.resize(compressor->encode(in, frame, {own, shared, 1, 4, scratch}));
  return frame;
}

std::string hex(Bytes bytes) {
  std::string text;
  for (const std::byte byte : bytes) {
    constexpr const char* kDigits = "0123456789ABCDEF";
    text += kDigits[static_cast<unsigned>(byte) >> 4];
    text += kDigits[static_cast<unsigned>(byte) & 15];
  }
  return text;
}

constexpr std::size_t kShort = 400;

std::string text_of(Bytes frame) {
  return frame.size() <= kShort ? hex(frame) : fmt::format("XXH3 {:016X}", hash_of(frame));
}

struct Golden {
  const char* name;
  CompressorOptions options;
  std::size_t count;  // of golden_input
  std::string bytes;  // in hex: header, indices, values; of a long frame its hash
};

std::vector<Golden> goldens() {
  return {
      {"float32", IdentityOptions{}, 3,
       "4C02000003000000000000000C000000"
       "000000800000603F000008C0"},
      {"bf16", QuantizerOptions{Bf16Options{}}, 5,
       "4C02001005000000000000000A000000"
       "0080603F08C0204000BF"},
      {"fp16", QuantizerOptions{Fp16Options{}}, 5,
       "4C02002005000000000000000B000000"
       "7F0080007340F8007900F0"},
      {"fp8_e4m3", QuantizerOptions{Fp8E4M3Options{}}, 8,
       "4C020030080000000000000009000000"
       "7F806EF87AE88071F7"},
      {"fp8_e5m2", QuantizerOptions{Fp8E5M2Options{}}, 8,
       "4C020040080000000000000009000000"
       "7F8073F879F08074F8"},
      {"sign", QuantizerOptions{SignOptions{.bucket = 64}}, 100,
       "4C020050640000000000000017000000"
       "01000080BB3FB596524A6B2DA5B4ABAAEA3FD6524A690D"},
      {"qsgd", QuantizerOptions{QsgdOptions{.levels = 20, .bucket = 64}}, 8,
       "4C02006008000000000000000D000000"
       "0100140000003EC0F1523C90C4"},
      {"natural", QuantizerOptions{NaturalOptions{}}, 8,
       "4C020070080000000000000009000000"
       "007F80807E007F80B5"},
      {"two_bit", QuantizerOptions{TwoBitOptions{.bucket = 64}}, 8,
       "4C02008008000000000000000C000000"
       "0100000066BF803F2040D965"},
      {"pyramid", QuantizerOptions{PyramidOptions{.group = 8, .pulses = 4}}, 8,
       "4C020090080000000000000005000000"
       "03F43FC702"},
      {"raw16", TopKOptions{.density = 0.01}, 300,
       "4C0201042C010000060000000C000000"
       "1C003D005900"
       "00007040000070C000007040"},
      {"raw32", TopKOptions{.density = 0.03, .indices = IndexCoding::raw32}, 100,
       "4C020102640000000C0000000C000000"
       "1C0000003D00000059000000"
       "00007040000070C000007040"},
      {"bitmap", TopKOptions{.density = 0.4}, 20,
       "4C02010A140000000300000020000000"
       "8C3105"
       "000008C0000020400000F0BF000030400000D0BF000040400000D03F00005040"},
      {"rice", TopKOptions{.density = 0.1, .values = Bf16Options{}}, 100,
       "4C020118640000000B00000014000000"
       "0A00000003271932243CE7"
       "6040704068C058C0684070C060C06040704068C0"},
      {"rice_in_tiles", TopKOptions{.density = 0.01, .values = Bf16Options{}}, 70000,
       "XXH3 D73D23707EE5186E"},
      {"key", RandKOptions{.density = 0.1}, 30,
       "4C02020C1E000000100000000C000000"
       "EFCDAB89674523011032547698BADCFE"
       "0000A0C00000008000000C42"},
      {"stratified_rand_k", StratifiedRandKOptions{.density = 0.1}, 32,
       "4C02030C20000000100000000C000000"
       "EFCDAB89674523011032547698BADCFE"
       "000030C00000A54100000C42"},
      {"perm_k", PermKOptions{.ranks = 4}, 13,
       "4C02040C0D000000180000000C000000"
       "EFCDAB89674523011032547698BADCFE0100000004000000"
       "00000080000000C0000080BF"},
      {"threshold", ThresholdOptions{.at = 2, .relative_to = ThresholdOptions::RelativeTo::one}, 20,
       "4C02050A140000000300000014000000"
       "0C2104"
       "000008C000002040000030400000404000005040"},
      {"block12", BlockTopKOptions{}, 300,
       "4C0206062C0100000C00000014000000"
       "400005001CD00359A007B700"
       "00007040000070C000007040000070C0000070C0"},
      {"dct_top_k", DctTopKOptions{.keep = 3, .values = Bf16Options{}}, 100,
       "4C020718640000000A0000000C000000"
       "060000000401D001380E"
       "AD40B7C0CAC09E408DC0AEC0"},
  };
}

// Of more blocks than goldens() has.
TEST(Golden, Block12IsWrittenAsEver) {
  const std::uint32_t indices[] = {1, 5, 4095, 4096, 5000, 8191, 8200};
  const wire::IndexPlan plan = wire::plan_block12(3, 1, 8300);
  Frame section(plan.max_bytes);
  wire::write_indices(plan, indices, 8300, section);
  EXPECT_EQ(hex(section), "03000100015000FF0F0088F3FF0800");
}

TEST(Golden, FramesAreWrittenAsEver) {
  for (const Golden& golden : goldens())
    EXPECT_EQ(text_of(encode(golden.options, golden_input(golden.count), false)), golden.bytes)
        << golden.name;
}

// What the rows of all_compressors() send, some golden frame holds still.
TEST(Golden, EveryFormatHasOne) {
  std::set<wire::Selection> selections;
  std::set<wire::Coding> codings;
  std::set<wire::Values> values;
  for (const Golden& golden : goldens()) {
    const Frame bytes = encode(golden.options, golden_input(golden.count), false);
    const wire::Frame frame = wire::read_frame(bytes);
    selections.insert(frame.selection);
    codings.insert(frame.coding);
    values.insert(frame.values);
  }
  for (const NamedOptions& row : all_compressors())
    for (const std::size_t count : {20, 4096, 70000}) {
      const Frame bytes = encode(row.options, golden_input(count), false);
      const wire::Frame frame = wire::read_frame(bytes);
      EXPECT_TRUE(selections.contains(frame.selection)) << row.name;
      EXPECT_TRUE(codings.contains(frame.coding)) << row.name << " of " << count;
      EXPECT_TRUE(values.contains(frame.values)) << row.name;
    }
}

// The bytes in README's second block of code; two blanks lead to what is said about them.
std::string worked_example() {
  std::ifstream file(LACONIC_COMPRESSORS_README);
  std::string text, line;
  for (int fences = 0; fences < 4 && std::getline(file, line);) {
    if (line.starts_with("```"))
      ++fences;
    else if (fences == 3)
      std::ranges::remove_copy(line.substr(0, line.find("  ")), std::back_inserter(text), ' ');
  }
  return text;
}

TEST(Golden, TheWorkedExampleIsWhatIsWritten) {
  std::vector<float> v(100000);
  const std::pair<std::size_t, float> set[] = {
      {3, 1.5f},      {70, -2.0f},   {71, 0.5f},    {1000, 4.0f},  {30000, 3.0f},  {40000, 1.0f},
      {50000, -1.0f}, {60000, 2.0f}, {60001, 7.0f}, {99999, 8.0f}, {65535, -0.25f}};
  for (const auto& [index, value] : set) v[index] = value;
  const std::string frame =
      hex(encode(TopKOptions{.density = 0.0001, .values = Bf16Options{}}, v, true));
  EXPECT_EQ(frame, worked_example());
}

}  // namespace
}  // namespace laconic
