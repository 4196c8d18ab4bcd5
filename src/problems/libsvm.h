#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace laconic {

/// Sparse examples as they stand in a LIBSVM file, one a line: `label index:value index:value ...`.
/// Rows are compressed: row i has the elements begins[i] to begins[i + 1] of `columns` and
/// `values`.
struct LibsvmData {
  std::string file;                    ///< For errors; row i stood in line i + 1.
  std::uint32_t width = 0;             ///< Columns: the largest index.
  std::vector<double> labels;          ///< One a row, as written.
  std::vector<std::uint64_t> begins;   ///< rows() + 1 of them.
  std::vector<std::uint32_t> columns;  ///< From 0: one less than the file's. Ascending in a row.
  std::vector<float> values;

  std::size_t rows() const { return labels.size(); }
};

/// Reads all of a file. Strict: throws DataError, naming file and line, at anything but a finite
/// label and finite values at indices that ascend from 1 (a row may be empty but for its label),
/// with the file's name where it cannot be read or holds no example.
std::shared_ptr<const LibsvmData> load_libsvm(const std::filesystem::path& file);

/// The same from text; `file` stands for the file in errors.
std::shared_ptr<const LibsvmData> parse_libsvm(std::string_view text, const std::string& file);

}  // namespace laconic
