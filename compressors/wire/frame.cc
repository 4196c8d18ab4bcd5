#include "compressors/wire/frame.h"

#include <string>

#include "base/check.h"
#include "base/errors.h"
#include "base/hash.h"
#include "compressors/frame.h"
#include "compressors/wire/endian.h"

namespace laconic::wire {
namespace {

// Where the header's fields stand.
enum Offset : std::size_t {
  kMagicAt = 0,
  kVersionAt = 1,
  kSelectionAt = 2,
  kFormatAt = 3,
  kCountAt = 4,
  kIndexBytesAt = 8,
  kValueBytesAt = 12,
};
constexpr std::uint8_t kMagic = 0x4C;  // 'L'
constexpr std::uint8_t kVersion = 2;
// The format byte: checksum, coding of indices (3 bits), format of values (4 bits).
constexpr std::uint8_t kChecksumBit = 1;

std::uint8_t format_byte(bool checksum, Coding coding, Values values) {
  return static_cast<std::uint8_t>((checksum ? kChecksumBit : 0) |
                                   static_cast<unsigned>(coding) << 1 |
                                   static_cast<unsigned>(values) << 4);
}

constexpr std::uint32_t checksum_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash); }

struct Lengths {
  std::size_t indices, values;
};

Lengths lengths_in(const std::byte* header) {
  return {load<std::uint32_t>(header + kIndexBytesAt), load<std::uint32_t>(header + kValueBytesAt)};
}

bool has_checksum(const std::byte* header) {
  return (load<std::uint8_t>(header + kFormatAt) & kChecksumBit) != 0;
}

// Everything that the header alone can prove wrong.
void check_header(Bytes bytes) {
  if (bytes.size() < kHeaderBytes) throw WireError(bytes.size(), "cut short within the header");
  const std::byte* header = bytes.data();
  if (load<std::uint8_t>(header + kMagicAt) != kMagic) throw WireError(kMagicAt, "not a frame");
  if (const auto version = load<std::uint8_t>(header + kVersionAt); version != kVersion)
    throw WireError(kVersionAt, "a frame of version " + std::to_string(version) +
                                    " of the format, expected " + std::to_string(kVersion));
  if (load<std::uint8_t>(header + kSelectionAt) > static_cast<unsigned>(Selection::dct_top_k))
    throw WireError(kSelectionAt, "unknown compressor");
  const auto format = load<std::uint8_t>(header + kFormatAt);
  if ((format >> 1 & 7) > static_cast<int>(Coding::key))
    throw WireError(kFormatAt, "unknown coding of indices");
  if (format >> 4 > static_cast<int>(Values::pyramid))
    throw WireError(kFormatAt, "unknown format of values");
  if (load<std::uint32_t>(header + kCountAt) > kMaxElements)
    throw WireError(kCountAt, "more elements than a frame may have");
  const Lengths lengths = lengths_in(header);
  if (frame_bytes(lengths.indices, lengths.values, has_checksum(header)) != bytes.size())
    throw WireError(kIndexBytesAt, "the sections' lengths do not add up to the frame's");
}

}  // namespace

Frame read_frame(Bytes bytes) {
  check_header(bytes);
  const std::byte* header = bytes.data();
  if (has_checksum(header)) {
    const std::size_t end = bytes.size() - kChecksumBytes;
    if (load<std::uint32_t>(header + end) != checksum_of(hash_of(bytes.first(end))))
      throw WireError(end, "the checksum does not match");
  }
  const auto format = load<std::uint8_t>(header + kFormatAt);
  const Lengths lengths = lengths_in(header);
  const std::size_t values_at = kHeaderBytes + lengths.indices;
  return {static_cast<Selection>(load<std::uint8_t>(header + kSelectionAt)),
          static_cast<Coding>(format >> 1 & 7),
          static_cast<Values>(format >> 4),
          load<std::uint32_t>(header + kCountAt),
          {bytes.subspan(kHeaderBytes, lengths.indices), kHeaderBytes},
          {bytes.subspan(values_at, lengths.values), values_at}};
}

Frame read_frame(Bytes bytes, Selection selection, Values values, std::size_t count) {
  const Frame frame = read_frame(bytes);
  if (frame.selection != selection) throw WireError(kSelectionAt, "a frame of another compressor");
  if (frame.values != values) throw WireError(kFormatAt, "values in another format");
  if (frame.count != count)
    throw WireError(kCountAt, std::to_string(frame.count) + " elements where " +
                                  std::to_string(count) + " were expected");
  return frame;
}

FrameWriter::FrameWriter(MutBytes out, Selection selection, std::size_t count,
                         const FrameOptions& options)
    : out_(out),
      selection_(selection),
      count_(static_cast<std::uint32_t>(count)),
      options_(options) {
  check(count <= kMaxElements, "a vector this long does not fit a frame: cut it into buckets");
  check(out.size() >= frame_bytes(0, 0, options.checksum), "room for a frame");
}

MutBytes FrameWriter::room() const {
  return out_.subspan(kHeaderBytes, out_.size() - frame_bytes(0, 0, options_.checksum));
}

void FrameWriter::indices(Coding coding, std::size_t bytes) {
  coding_ = coding;
  index_bytes_ = bytes;
}

SectionWriter& FrameWriter::values(Values values, std::size_t bytes, Scratch& scratch) {
  check(bytes <= room().size() - index_bytes_, "room for the values");
  value_bytes_ = bytes;
  std::byte* header = out_.data();
  store(header + kMagicAt, kMagic);
  store(header + kVersionAt, kVersion);
  store(header + kSelectionAt, static_cast<std::uint8_t>(selection_));
  store(header + kFormatAt, format_byte(options_.checksum, coding_, values));
  store(header + kCountAt, count_);
  store(header + kIndexBytesAt, static_cast<std::uint32_t>(index_bytes_));
  store(header + kValueBytesAt, static_cast<std::uint32_t>(value_bytes_));
  if (options_.checksum) hasher_.add(out_.first(kHeaderBytes + index_bytes_));
  return section_.emplace(out_.subspan(kHeaderBytes + index_bytes_, bytes),
                          options_.checksum ? &hasher_ : nullptr, scratch, options_.threads);
}

std::size_t FrameWriter::finish() {
  section_->finish();
  if (options_.checksum)
    store(out_.data() + frame_bytes(index_bytes_, value_bytes_, false),
          checksum_of(hasher_.hash()));
  return frame_bytes(index_bytes_, value_bytes_, options_.checksum);
}

}  // namespace laconic::wire

namespace laconic {

Split split(Bytes frame) noexcept {
  if (frame.size() < wire::kHeaderBytes || wire::load<std::uint8_t>(frame.data()) != wire::kMagic)
    return {0, 0, frame.size()};
  const wire::Lengths lengths = wire::lengths_in(frame.data());
  if (lengths.indices + lengths.values > frame.size() - wire::kHeaderBytes)
    return {0, 0, frame.size()};
  return {lengths.values, lengths.indices, frame.size() - lengths.indices - lengths.values};
}

}  // namespace laconic
