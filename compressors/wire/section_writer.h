#pragma once

#include <cstddef>
#include <functional>
#include <optional>

#include "base/hash.h"
#include "base/scratch.h"
#include "base/types.h"

namespace laconic::wire {

/// Where a codec puts its section, piece by piece. What is written is hashed while the first cache
/// holds it; and a section that is longer than the caches goes to memory past them, since each line
/// of it would otherwise be read before it is overwritten.
class SectionWriter {
 public:
  static constexpr std::size_t kMostPiece = std::size_t{1} << 17;

  /// Into `out`, which is as long as the section.
  explicit SectionWriter(MutBytes out) : out_(out) {}

  /// `hasher`, if there is one, gets all bytes in order. Working memory comes from `scratch`, until
  /// this goes. `threads` are what write_parts may use.
  SectionWriter(MutBytes out, Hasher* hasher, Scratch& scratch, int threads = 1);

  int threads() const { return threads_; }

  /// Where the next `bytes` go, at most kMostPiece. The piece before is complete.
  std::byte* next(std::size_t bytes);

  /// All the rest of the section, in parts of `bytes` each but the last: write(i, to) puts part i
  /// into a writer of its own, in whichever thread.
  void write_parts(std::size_t bytes,
                   const std::function<void(std::size_t i, SectionWriter& to)>& write);

  /// The last piece is complete, and with it the section.
  void finish();

 private:
  std::size_t pending() const { return end_ - done_; }
  std::byte* first_pending() const { return staged_ != nullptr ? staged_ : out_.data() + done_; }
  void pass_on(std::size_t bytes);

  MutBytes out_;
  Hasher* hasher_ = nullptr;
  int threads_ = 1;
  std::size_t end_ = 0;   // of the pieces handed out
  std::size_t done_ = 0;  // hashed, and where they belong
  // Of a long section the pending bytes are here, at the same place within a line as in `out`.
  std::optional<Scratch::Scope> scope_;
  std::byte *stage_ = nullptr, *staged_ = nullptr;
};

}  // namespace laconic::wire
