#include "nn/text.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>

#include "base/errors.h"

namespace laconic {

std::shared_ptr<const Text> parse_text(std::string_view content, double held_out,
                                       const std::string& name) {
  std::array<bool, 256> occurs{};
  for (const char c : content) occurs[static_cast<std::uint8_t>(c)] = true;
  auto text = std::make_shared<Text>();
  text->name = name;
  std::array<std::uint8_t, 256> number{};
  for (std::size_t byte = 0; byte < occurs.size(); ++byte)
    if (occurs[byte]) number[byte] = static_cast<std::uint8_t>(text->alphabet++);
  if (text->alphabet < 2) throw DataError(name, "holds fewer than two different characters");

  std::vector<std::uint8_t> symbols(content.size());
  std::transform(content.begin(), content.end(), symbols.begin(),
                 [&](char c) { return number[static_cast<std::uint8_t>(c)]; });
  const auto kept =
      static_cast<std::ptrdiff_t>((1 - held_out) * static_cast<double>(symbols.size()));
  text->train.assign(symbols.begin(), symbols.begin() + kept);
  text->validation.assign(symbols.begin() + kept, symbols.end());
  return text;
}

std::shared_ptr<const Text> load_text(const TextOptions& options) {
  std::ifstream stream(options.path, std::ios::binary);
  if (!stream || std::filesystem::is_directory(options.path))
    throw DataError(options.path.string(), "cannot be opened for reading");
  std::ostringstream content;
  if (stream.peek() != std::ifstream::traits_type::eof()) content << stream.rdbuf();
  if (stream.bad() || content.bad())
    throw DataError(options.path.string(), "cannot be read to its end");
  return parse_text(content.view(), options.held_out, options.path.string());
}

}  // namespace laconic
