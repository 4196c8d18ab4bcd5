#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "base/types.h"

namespace laconic {

/// Replaces `path` at once and for good: written to a temporary name beside it, synced, renamed,
/// and the folder synced. After a crash at any moment there is the old file or the new one, whole.
/// Makes the folder (and syncs its parent) where there is none. DataError if the disk will not.
void write_durably(const std::filesystem::path& path, Bytes content);
void write_durably(const std::filesystem::path& path, std::string_view content);

/// Ends the temporary names; whatever has it was never finished.
inline constexpr std::string_view kUnfinished = ".part";

/// A whole file. DataError, with the reason, if it cannot be read.
std::vector<std::byte> read_bytes(const std::filesystem::path& path);

}  // namespace laconic
