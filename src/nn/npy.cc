#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "nn/array_file.h"
#include "nn/file_reader.h"

namespace laconic {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::uint32_t kLongestHeader = 1u << 16;  // numpy.save writes 118 bytes for our arrays

struct TypeName {
  std::string_view descr;
  ElementType type;
  std::uint64_t bytes;
};
constexpr std::array<TypeName, 9> kTypes{{{"|u1", ElementType::u8, 1},
                                          {"<u2", ElementType::u16, 2},
                                          {"<u4", ElementType::u32, 4},
                                          {"<u8", ElementType::u64, 8},
                                          {"|i1", ElementType::i8, 1},
                                          {"<i2", ElementType::i16, 2},
                                          {"<i4", ElementType::i32, 4},
                                          {"<i8", ElementType::i64, 8},
                                          {"<f4", ElementType::f32, 4}}};

struct Header {
  std::optional<std::string> descr;
  std::optional<bool> fortran_order;
  std::optional<std::vector<std::uint64_t>> shape;
};

/// The header is a Python dictionary: {'descr': '<f4', 'fortran_order': False, 'shape': (60, 28)}.
class HeaderParser {
 public:
  HeaderParser(const FileReader& file, std::string_view text) : file_(file), text_(text) {}

  Header parse() {
    Header header;
    expect('{');
    while (!accept('}')) {
      entry(header);
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_spaces();
    if (!text_.empty() || !header.descr || !header.fortran_order || !header.shape) malformed();
    return header;
  }

 private:
  void entry(Header& header) {
    const std::string key = quoted();
    expect(':');
    if (key == "descr" && !header.descr)
      header.descr = quoted();
    else if (key == "fortran_order" && !header.fortran_order)
      header.fortran_order = boolean();
    else if (key == "shape" && !header.shape)
      header.shape = tuple();
    else
      malformed();
  }

  std::string quoted() {
    skip_spaces();
    const char quote = text_.starts_with('"') ? '"' : '\'';
    expect(quote);
    const std::size_t end = text_.find(quote);
    if (end == std::string_view::npos) malformed();
    const std::string value(text_.substr(0, end));
    text_.remove_prefix(end + 1);
    return value;
  }

  bool boolean() {
    skip_spaces();
    for (const bool value : {false, true}) {
      const std::string_view word = value ? "True" : "False";
      if (!text_.starts_with(word)) continue;
      text_.remove_prefix(word.size());
      return value;
    }
    malformed();
  }

  std::vector<std::uint64_t> tuple() {
    std::vector<std::uint64_t> values;
    expect('(');
    while (!accept(')')) {
      values.push_back(number());
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return values;
  }

  std::uint64_t number() {
    skip_spaces();
    const auto digit = [&] { return !text_.empty() && text_[0] >= '0' && text_[0] <= '9'; };
    if (!digit()) malformed();
    std::uint64_t value = 0;
    for (; digit(); text_.remove_prefix(1))
      if (__builtin_mul_overflow(value, 10u, &value) ||
          __builtin_add_overflow(value, static_cast<unsigned>(text_[0] - '0'), &value))
        malformed();
    return value;
  }

  void skip_spaces() {
    text_.remove_prefix(std::min(text_.find_first_not_of(" \t\n"), text_.size()));
  }

  bool accept(char c) {
    skip_spaces();
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }

  void expect(char c) {
    if (!accept(c)) malformed();
  }

  [[noreturn]] void malformed() const { file_.fail("has a malformed .npy header"); }

  const FileReader& file_;
  std::string_view text_;
};

/// Magic, version (two bytes), length of the header (two bytes in version 1, else four), header.
Header read_header(FileReader& file) {
  std::array<std::uint8_t, 8> start;
  file.read(std::as_writable_bytes(std::span(start)), "the .npy header");
  if (!std::equal(kMagic.begin(), kMagic.end(), start.begin(),
                  [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; }))
    file.fail("is no .npy file: it does not begin with \\x93NUMPY");
  if (start[6] < 1 || start[6] > 3)
    file.fail("has .npy version " + std::to_string(start[6]) + "; 1 to 3 are read");

  std::uint32_t length = 0;
  const auto width = start[6] == 1 ? 2u : 4u;
  const auto bytes = file.read(width, "the .npy header");
  for (unsigned i = 0; i < width; ++i) length |= std::uint32_t{bytes[i]} << (8 * i);
  if (length > kLongestHeader)
    file.fail("claims a .npy header of " + std::to_string(length) + " bytes");
  const auto text = file.read(length, "the .npy header");
  return HeaderParser(file, {reinterpret_cast<const char*>(text.data()), text.size()}).parse();
}

}  // namespace

RawArray read_npy(const std::filesystem::path& path) {
  FileReader file(path);
  const Header header = read_header(file);
  const auto type = std::find_if(kTypes.begin(), kTypes.end(),
                                 [&](const TypeName& t) { return t.descr == *header.descr; });
  if (type == kTypes.end())
    file.fail("holds elements of type '" + *header.descr +
              "'; float32 and integers, little-endian, are read");
  if (*header.fortran_order) file.fail("is in Fortran order; save numpy.ascontiguousarray of it");

  RawArray array{type->type, *header.shape, {}};
  const std::uint64_t bytes = total_bytes(array.shape, type->bytes);
  if (array.shape.empty() || bytes == 0) file.fail("has an empty or impossible shape");
  array.bytes = file.read(bytes, "its elements");
  file.expect_end();
  return array;
}

}  // namespace laconic
