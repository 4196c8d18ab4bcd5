#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// A text as a sequence of symbols, for models that predict the next one. No LibTorch here.
namespace laconic {

struct TextOptions {
  std::filesystem::path path;  ///< Any file; every byte is a character.
  double held_out = 0.1;       ///< What part of it, from its end, is kept for validation.
};

/// Characters are numbered in the order of their bytes, those of the whole text.
struct Text {
  std::string name;  ///< Of the file, for errors.
  std::uint32_t alphabet = 0;
  std::vector<std::uint8_t> train, validation;
};

/// Reads all of it. Throws DataError, naming the file, where it cannot be read or has fewer than
/// two different characters.
std::shared_ptr<const Text> load_text(const TextOptions& options);

/// The part of load_text that needs no file.
std::shared_ptr<const Text> parse_text(std::string_view content, double held_out,
                                       const std::string& name);

}  // namespace laconic
