#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "compressors/options.h"
#include "compressors/wire/frame.h"
#include "compressors/wire/ones.h"
#include "compressors/wire/rice.h"

/// Ascending indices below `count`, as bytes. Several codings, of which the writer takes the one
/// whose bound is smallest: known before the first index is written.
namespace laconic::wire {

/// How the indices of one frame will be written.
struct IndexPlan {
  Coding coding = Coding::all;
  unsigned shift = 0;         ///< Of Rice: low bits of a gap.
  std::size_t max_bytes = 0;  ///< The section is at most this long.
  std::size_t each = 0;       ///< Of block12: indices in every block but the last.
};

/// The plan for `kept` indices below `count`, wherever they lie.
IndexPlan plan_indices(std::size_t kept, std::size_t count, IndexCoding choice);

/// block12, where every block but the last keeps `each`, and that one `last`.
IndexPlan plan_block12(std::size_t each, std::size_t last, std::size_t count);

/// Writes the section into `out` (plan.max_bytes long) and returns its length.
std::size_t write_indices(const IndexPlan& plan, std::span<const std::uint32_t> indices,
                          std::size_t count, MutBytes out);

/// Reads a section piece by piece without allocating. Whatever the bytes, the indices that come out
/// are ascending and below `count`; where the bytes say otherwise, a WireError does.
class IndexReader {
 public:
  /// Every piece but the last has this many indices.
  static constexpr std::size_t kPiece = OnesReader::kPiece;

  IndexReader(Coding coding, const Section& section, std::size_t count);

  std::size_t kept() const { return kept_; }

  /// The next piece, valid until the next call; empty at the end.
  std::span<const std::uint32_t> next();

 private:
  // Indices from number `begin` on.
  void next_raw(std::span<std::uint32_t> out, std::size_t begin);
  void next_block12(std::span<std::uint32_t> out, std::size_t begin);

  Coding coding_;
  Section section_;
  std::size_t count_;
  std::size_t kept_ = 0, done_ = 0;
  std::uint64_t least_ = 0;  // the smallest index that may come
  std::size_t each_ = 0;     // of block12: indices in every block but the last
  OnesReader ones_;          // of a bitmap
  std::optional<RiceReader> rice_;
  std::array<std::uint32_t, kPiece> piece_;
};

}  // namespace laconic::wire
