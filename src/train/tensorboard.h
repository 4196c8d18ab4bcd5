#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string_view>

#include "base/types.h"

namespace laconic {

/// Scalars for TensorBoard: an event file, which is a TFRecord file of Event messages
/// (tensorflow/core/util/event.proto). Only scalars are written, so the few fields of the protocol
/// buffer that they need are encoded here by hand.
class TensorBoard {
 public:
  /// A new file in `folder`, which is made; `step` is where the run starts or resumes. Events of
  /// later steps in older files of the folder are declared void. DataError if it cannot be written.
  TensorBoard(const std::filesystem::path& folder, std::uint64_t step);

  /// Values that are NaN are left out.
  void scalar(std::string_view tag, std::uint64_t step, double value);
  void flush();

  const std::filesystem::path& path() const { return path_; }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  void write(std::string_view event);

  std::filesystem::path path_;
  std::unique_ptr<std::FILE, Close> file_;
};

/// One record of a TFRecord file: u64 length, its masked CRC, the data, its masked CRC; little
/// endian.
std::string tfrecord(std::string_view data);

/// CRC-32C (Castagnoli; RFC 3720, appendix B.4).
std::uint32_t crc32c(std::string_view data);

}  // namespace laconic
