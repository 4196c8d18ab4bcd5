#include <array>

#include "nn/array_file.h"
#include "nn/file_reader.h"

namespace laconic {
namespace {

constexpr std::byte kUnsignedBytes{0x08};

std::uint64_t big_endian(std::span<const std::byte, 4> bytes) {
  std::uint64_t value = 0;
  for (const std::byte b : bytes) value = value << 8 | std::to_integer<std::uint64_t>(b);
  return value;
}

}  // namespace

RawArray read_idx(const std::filesystem::path& path) {
  FileReader file(path);
  std::array<std::byte, 4> magic, dimension;
  file.read(magic, "the IDX header");
  if (magic[0] != std::byte{0} || magic[1] != std::byte{0})
    file.fail("is no IDX file: it does not begin with two zero bytes");
  if (magic[2] != kUnsignedBytes)
    file.fail("holds IDX type " + std::to_string(std::to_integer<int>(magic[2])) +
              "; only 8, unsigned bytes, is read");

  RawArray array{ElementType::u8, {}, {}};
  for (int d = 0; d < std::to_integer<int>(magic[3]); ++d) {
    file.read(dimension, "the IDX header");
    array.shape.push_back(big_endian(dimension));
  }
  const std::uint64_t bytes = total_bytes(array.shape, 1);
  if (array.shape.empty() || bytes == 0) file.fail("has an empty or impossible shape");
  array.bytes = file.read(bytes, "its elements");
  file.expect_end();
  return array;
}

}  // namespace laconic
