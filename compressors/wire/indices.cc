#include "compressors/wire/indices.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>

#include "base/check.h"
#include "base/errors.h"
#include "compressors/wire/bits.h"
#include "compressors/wire/endian.h"

namespace laconic::wire {
namespace {

constexpr std::size_t kBlock = 4096;       // of block12
constexpr std::size_t kBlock12Header = 4;  // each, last: 16 bits

std::size_t block12_bytes(std::size_t kept) { return kBlock12Header + bytes_for_bits(12 * kept); }

// Those before the last one.
std::size_t whole_blocks(std::size_t count) { return count == 0 ? 0 : (count - 1) / kBlock; }

}  // namespace

IndexPlan plan_block12(std::size_t each, std::size_t last, std::size_t count) {
  return {Coding::block12, 0, block12_bytes(whole_blocks(count) * each + last), each};
}

IndexPlan plan_indices(std::size_t kept, std::size_t count, IndexCoding choice) {
  if (kept == count) return {};
  IndexPlan best{Coding::raw32, 0, 4 * kept};
  if (choice == IndexCoding::raw32) return best;
  const auto offer = [&best](const IndexPlan& plan) {
    if (plan.max_bytes < best.max_bytes) best = plan;
  };
  if (count <= std::size_t{1} << 16) offer({Coding::raw16, 0, 2 * kept});
  if (count <= kBlock) offer(plan_block12(0, kept, count));
  offer({Coding::bitmap, 0, bytes_for_bits(count)});
  const unsigned shift = rice_shift(kept, count);
  offer({Coding::rice, shift, rice_bytes(kept, count, shift)});
  return best;
}

namespace {

std::size_t write_raw32(std::span<const std::uint32_t> indices, MutBytes out) {
  if (!indices.empty()) std::memcpy(out.data(), indices.data(), indices.size_bytes());
  return indices.size_bytes();
}

std::size_t write_raw16(std::span<const std::uint32_t> indices, MutBytes out) {
  for (std::size_t i = 0; i < indices.size(); ++i)
    store(&out[2 * i], static_cast<std::uint16_t>(indices[i]));
  return 2 * indices.size();
}

std::size_t write_bitmap(std::span<const std::uint32_t> indices, std::size_t count, MutBytes out) {
  const std::size_t bytes = bytes_for_bits(count);
  std::fill_n(out.begin(), bytes, std::byte{0});
  // Words are put together in a register: in memory each one would wait for the one before.
  std::size_t at = 0;
  std::uint64_t word = 0;
  const auto put_word = [&] {
    std::memcpy(&out[8 * at], &word, std::min<std::size_t>(sizeof word, bytes - 8 * at));
  };
  for (const std::uint32_t index : indices) {
    if (index / 64 != at) {
      put_word();
      at = index / 64, word = 0;
    }
    word |= std::uint64_t{1} << index % 64;
  }
  if (bytes > 0) put_word();
  return bytes;
}

std::size_t write_block12(std::span<const std::uint32_t> indices, std::size_t each,
                          std::size_t count, MutBytes out) {
  const std::size_t last = indices.size() - whole_blocks(count) * each;
  store(&out[0], static_cast<std::uint16_t>(each));
  store(&out[2], static_cast<std::uint16_t>(last));
  BitWriter bits(out.subspan(kBlock12Header));
  for (const std::uint32_t index : indices) bits.put(index % kBlock, 12);
  return kBlock12Header + bits.finish();
}

}  // namespace

std::size_t write_indices(const IndexPlan& plan, std::span<const std::uint32_t> indices,
                          std::size_t count, MutBytes out) {
  check(out.size() >= plan.max_bytes, "room for the indices");
  switch (plan.coding) {
    case Coding::all:
    case Coding::key:
      return 0;
    case Coding::raw32:
      return write_raw32(indices, out);
    case Coding::raw16:
      return write_raw16(indices, out);
    case Coding::block12:
      return write_block12(indices, plan.each, count, out);
    case Coding::bitmap:
      return write_bitmap(indices, count, out);
    case Coding::rice:
      return write_rice(indices, plan.shift, out);
  }
  return 0;
}

namespace {

[[noreturn]] void malformed(const Section& section, const char* what) {
  throw WireError(section.offset, what);
}

std::size_t raw_kept(const Section& section, std::size_t width) {
  if (section.bytes.size() % width != 0) malformed(section, "part of an index");
  return section.bytes.size() / width;
}

std::size_t bitmap_kept(const Section& section, std::size_t count) {
  if (section.bytes.size() != bytes_for_bits(count)) malformed(section, "length of the bitmap");
  std::size_t ones = 0, at = 0;
  for (; at + 8 <= section.bytes.size(); at += 8)
    ones += static_cast<std::size_t>(std::popcount(load<std::uint64_t>(&section.bytes[at])));
  for (const std::byte byte : section.bytes.subspan(at))
    ones += static_cast<std::size_t>(std::popcount(static_cast<unsigned>(byte)));
  if (count % 8 != 0 && static_cast<unsigned>(section.bytes.back()) >> count % 8 != 0)
    malformed(section, "a bitmap that goes on after the vector ends");
  return ones;
}

struct Block12Header {
  std::uint16_t each, last;
  std::size_t kept;
};

Block12Header block12_header(const Section& section, std::size_t count) {
  if (section.bytes.size() < kBlock12Header) malformed(section, "cut short");
  if (count == 0) malformed(section, "blocks of an empty vector");
  const auto each = load<std::uint16_t>(section.bytes.data());
  const auto last = load<std::uint16_t>(section.bytes.data() + 2);
  const std::size_t whole = whole_blocks(count);
  if (each > kBlock || last > count - whole * kBlock) malformed(section, "more than a block has");
  const std::size_t kept = whole * each + last;
  if (section.bytes.size() != block12_bytes(kept)) malformed(section, "length of 12-bit indices");
  return {each, last, kept};
}

}  // namespace

IndexReader::IndexReader(Coding coding, const Section& section, std::size_t count)
    : coding_(coding), section_(section), count_(count) {
  switch (coding) {
    case Coding::all:
      if (!section.bytes.empty()) malformed(section, "indices where all are kept");
      kept_ = count;
      break;
    case Coding::raw32:
      kept_ = raw_kept(section, 4);
      break;
    case Coding::raw16:
      if (count > std::size_t{1} << 16) malformed(section, "16-bit indices in a long vector");
      kept_ = raw_kept(section, 2);
      break;
    case Coding::block12: {
      const Block12Header header = block12_header(section, count);
      kept_ = header.kept;
      each_ = header.each;
      break;
    }
    case Coding::bitmap:
      kept_ = bitmap_kept(section, count);
      ones_ = OnesReader(section.bytes);
      break;
    case Coding::rice:
      kept_ = rice_.emplace(section, count).kept();
      break;
    case Coding::key:
      malformed(section, "a key where indices were expected");
  }
  if (kept_ > count) malformed(section, "more indices than elements");
}

std::span<const std::uint32_t> IndexReader::next() {
  const std::span<std::uint32_t> out(piece_.data(), std::min(kPiece, kept_ - done_));
  if (out.empty()) return out;
  done_ += out.size();
  switch (coding_) {
    case Coding::all:
      std::iota(out.begin(), out.end(), static_cast<std::uint32_t>(done_ - out.size()));
      return out;
    case Coding::raw32:
    case Coding::raw16:
      next_raw(out, done_ - out.size());
      return out;
    case Coding::block12:
      next_block12(out, done_ - out.size());
      return out;
    case Coding::bitmap:
      return ones_.next(out.size());
    case Coding::rice:
      return rice_->next(piece_);
    case Coding::key:
      break;  // refused when the reader was made
  }
  return out;
}

// `least` is what the first index must reach: one more than the last of the piece before.
void IndexReader::next_raw(std::span<std::uint32_t> out, std::size_t begin) {
  const std::size_t width = coding_ == Coding::raw32 ? 4 : 2;
  const std::byte* from = section_.bytes.data() + begin * width;
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = width == 4 ? load<std::uint32_t>(from + 4 * i) : load<std::uint16_t>(from + 2 * i);
  for (const std::uint32_t index : out) {
    if (index < least_ || index >= count_) malformed(section_, "indices do not ascend to the end");
    least_ = index + std::uint64_t{1};
  }
}

void IndexReader::next_block12(std::span<std::uint32_t> out, std::size_t begin) {
  const std::size_t whole = whole_blocks(count_);
  BitReader bits(section_.bytes.subspan(kBlock12Header), 12 * std::uint64_t{begin});
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::size_t block = each_ == 0 ? whole : std::min(whole, (begin + i) / each_);
    const std::uint64_t index = block * kBlock + bits.get(12);
    if (index < least_ || index >= count_ || index / kBlock != block)
      malformed(section_, "indices do not ascend to the end");
    out[i] = static_cast<std::uint32_t>(index);
    least_ = index + 1;
  }
}

}  // namespace laconic::wire
