#include "problems/libsvm.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>

#include "base/errors.h"

namespace laconic {
namespace {

/// Indices are ints in LIBSVM itself.
constexpr std::uint32_t kLargestIndex = std::numeric_limits<std::int32_t>::max();

std::string quoted(std::string_view token) {
  constexpr std::size_t kShown = 40;  // of a token that may be a whole binary file
  std::string text("\"");
  text.append(token.substr(0, kShown)).append(token.size() > kShown ? "...\"" : "\"");
  return text;
}

/// Takes the next token off the front of a line; empty at its end.
std::string_view take_token(std::string_view& line) {
  constexpr std::string_view kBlank = " \t\r";
  const std::size_t begin = line.find_first_not_of(kBlank);
  if (begin == line.npos) return line = {};
  const std::size_t end = line.find_first_of(kBlank, begin);
  const std::string_view token = line.substr(begin, end - begin);
  line.remove_prefix(end == line.npos ? line.size() : end);
  return token;
}

/// Whether all of `text` is one number. Unlike strtod it knows no locale.
template <typename Number>
bool read_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

class Parser {
 public:
  explicit Parser(const std::string& file) {
    data_.file = file;
    data_.begins.push_back(0);
  }

  void line(std::string_view line) {
    ++line_;
    label(take_token(line));
    std::uint32_t last = 0;
    for (auto token = take_token(line); !token.empty(); token = take_token(line))
      last = element(token, last);
    data_.begins.push_back(data_.values.size());
    data_.width = std::max(data_.width, last);
  }

  LibsvmData take() { return std::move(data_); }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw DataError(data_.file, line_, what);
  }

  void label(std::string_view token) {
    if (token.empty()) fail("expected a label, found an empty line");
    double value = 0;
    const bool signed_plus = token.size() > 1 && token[0] == '+' && token[1] != '-';
    if (!read_number(signed_plus ? token.substr(1) : token, value) || !std::isfinite(value))
      fail("expected a number as label, found " + quoted(token));
    data_.labels.push_back(value);
  }

  /// Returns the index, from 1.
  std::uint32_t element(std::string_view token, std::uint32_t last) {
    const std::size_t colon = token.find(':');
    std::uint32_t index = 0;
    float value = 0;
    if (colon == token.npos || !read_number(token.substr(0, colon), index) ||
        !read_number(token.substr(colon + 1), value) || !std::isfinite(value))
      fail("expected index:value, found " + quoted(token));
    if (index == 0 || index > kLargestIndex)
      fail("index " + std::to_string(index) + " is not in 1 to " + std::to_string(kLargestIndex));
    if (index <= last)
      fail("index " + std::to_string(index) + " after " + std::to_string(last) +
           ": indices must ascend");
    data_.columns.push_back(index - 1);
    data_.values.push_back(value);
    return index;
  }

  LibsvmData data_;
  std::size_t line_ = 0;
};

}  // namespace

std::shared_ptr<const LibsvmData> parse_libsvm(std::string_view text, const std::string& file) {
  Parser parser(file);
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    parser.line(text.substr(0, end));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  auto data = std::make_shared<LibsvmData>(parser.take());
  if (data->rows() == 0) throw DataError(file, "holds no examples");
  return data;
}

std::shared_ptr<const LibsvmData> load_libsvm(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  if (!stream || std::filesystem::is_directory(file))
    throw DataError(file.string(), "cannot be opened for reading");
  if (stream.peek() != std::ifstream::traits_type::eof()) text << stream.rdbuf();
  if (stream.bad() || text.bad()) throw DataError(file.string(), "cannot be read to its end");
  return parse_libsvm(text.view(), file.string());
}

}  // namespace laconic
