#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string_view>
#include <vector>

#include "base/types.h"

namespace laconic {

/// Reads a file from its beginning to its end, through inflate where it is gzip-compressed (RFC
/// 1952): that is told by its first two bytes, or by a name in ".gz". Every failure is a DataError
/// that names the file; for a compressed file, its checksum is verified at the end of the stream.
class FileReader {
 public:
  explicit FileReader(std::filesystem::path path);
  ~FileReader();
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;

  /// Fills `into`. `what` is being read, for the error if the file ends before.
  void read(MutBytes into, std::string_view what);

  /// The next `count` bytes. Memory grows as bytes arrive, so that a length which a broken header
  /// claims allocates nothing by itself.
  std::vector<std::uint8_t> read(std::uint64_t count, std::string_view what);

  /// Nothing may follow what was read.
  void expect_end();

  [[noreturn]] void fail(std::string_view what) const;

 private:
  struct Inflater;

  std::size_t read_some(MutBytes into);  // 0 at the end only
  std::size_t read_plain(MutBytes into);
  std::size_t inflate_some(MutBytes into);

  std::filesystem::path path_;
  std::ifstream file_;
  std::unique_ptr<Inflater> inflater_;  // none for a plain file
};

}  // namespace laconic
