#pragma once

#include <cstdint>
#include <optional>

#include "base/hash.h"
#include "base/types.h"
#include "compressors/options.h"
#include "compressors/wire/section_writer.h"

/// The frame: a header, the section of indices, the section of values, and maybe a checksum.
/// compressors/README.md has the grammar. Numbers on the wire are append-only.
namespace laconic::wire {

/// By which rule coordinates were chosen.
enum class Selection : std::uint8_t {
  dense = 0,  ///< All of them.
  top_k = 1,
  rand_k = 2,
  stratified_rand_k = 3,
  perm_k = 4,
  threshold = 5,
  block_top_k = 6,
  dct_top_k = 7,
};

/// How the section of indices is written.
enum class Coding : std::uint8_t {
  all = 0,      ///< Nothing: every coordinate has a value.
  raw32 = 1,    ///< 32 bits each.
  raw16 = 2,    ///< 16 bits each; vectors of up to 2^16.
  block12 = 3,  ///< 12 bits each, inside blocks of 4,096 that keep equally many.
  rice = 4,     ///< Gaps in Rice code, split into two streams.
  bitmap = 5,   ///< One bit a coordinate.
  key = 6,      ///< A key that the rule draws them from.
};

/// How the section of values is written.
enum class Values : std::uint8_t {
  float32 = 0,
  bf16 = 1,
  fp16 = 2,
  fp8_e4m3 = 3,
  fp8_e5m2 = 4,
  sign = 5,
  qsgd = 6,
  natural = 7,
  two_bit = 8,
  pyramid = 9,
};

inline constexpr std::size_t kHeaderBytes = 16;
inline constexpr std::size_t kChecksumBytes = 4;
/// Longer vectors are cut into buckets long before; this keeps every length in 32 bits.
inline constexpr std::size_t kMaxElements = (std::size_t{1} << 30) - 1;

/// A run of bytes and where in the frame it begins, which errors tell.
struct Section {
  Bytes bytes;
  std::size_t offset = 0;
};

struct Frame {
  Selection selection{};
  Coding coding{};
  Values values{};
  std::uint32_t count = 0;   ///< Elements of the vector.
  Section indices, payload;  ///< Borrowed from the bytes that were read.
};

/// The bytes of a frame around sections of so many bytes.
constexpr std::size_t frame_bytes(std::size_t indices, std::size_t values, bool checksum) {
  return kHeaderBytes + indices + values + (checksum ? kChecksumBytes : 0);
}

/// Checks magic, version, numbers, lengths and, where there is one, the checksum; after it the
/// sections are there in full, and nothing has been said about what they hold. Throws WireError.
Frame read_frame(Bytes bytes);

/// The same, for who knows what must come.
Frame read_frame(Bytes bytes, Selection selection, Values values, std::size_t count);

/// Writes the sections in order; the header in between, as soon as it knows their lengths.
class FrameWriter {
 public:
  /// `out` has room for the whole frame; `count` is at most kMaxElements.
  FrameWriter(MutBytes out, Selection selection, std::size_t count, const FrameOptions& options);

  /// Where the indices go: all behind the header, less the checksum.
  MutBytes room() const;
  void indices(Coding coding, std::size_t bytes);

  /// Where so many bytes of values go.
  SectionWriter& values(Values values, std::size_t bytes, Scratch& scratch);

  /// The frame's length.
  std::size_t finish();

  /// The section of values, once the frame is finished.
  Bytes payload() const { return out_.subspan(kHeaderBytes + index_bytes_, value_bytes_); }

 private:
  MutBytes out_;
  Selection selection_;
  Coding coding_{};
  std::uint32_t count_;
  std::size_t index_bytes_ = 0, value_bytes_ = 0;
  FrameOptions options_;
  Hasher hasher_;
  std::optional<SectionWriter> section_;
};

}  // namespace laconic::wire
