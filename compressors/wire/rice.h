#pragma once

#include <cstdint>
#include <span>

#include "compressors/wire/frame.h"
#include "compressors/wire/ones.h"

/// Gaps between ascending indices in Rice code (Golomb 1966, Rice 1979), its two halves split: the
/// `shift` low bits of all gaps, then all quotients in unary. Apart, each half is regular enough
/// for SIMD; together they are the same number of bits.
namespace laconic::wire {

/// The longest section for `kept` indices below `count`, wherever they lie.
std::size_t rice_bytes(std::size_t kept, std::size_t count, unsigned shift);

/// The shift for which that is least.
unsigned rice_shift(std::size_t kept, std::size_t count);

/// Writes a section; `indices` is not empty, `out` has rice_bytes. Returns its length.
std::size_t write_rice(std::span<const std::uint32_t> indices, unsigned shift, MutBytes out);

/// Reads a section in pieces. Throws WireError where it is malformed.
class RiceReader {
 public:
  static constexpr std::size_t kPiece = OnesReader::kPiece;

  /// Checks what the section's header and length can prove.
  RiceReader(const Section& section, std::size_t count);

  std::size_t kept() const { return kept_; }

  /// The next min(kPiece, those that are left) indices, ascending and below count.
  std::span<const std::uint32_t> next(std::span<std::uint32_t, kPiece> out);

 private:
  Section section_;
  Bytes low_;
  OnesReader ones_;
  std::size_t count_, kept_ = 0, done_ = 0;
  unsigned shift_ = 0;
  std::uint32_t last_one_ = 0;  // its position in the unary stream
  std::uint32_t next_ = 0;      // the least index that may come
};

}  // namespace laconic::wire
