#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

/// Arrays as files hold them. Both readers throw a DataError that names the file where it is
/// missing, malformed, cut short or longer than its header says.
namespace laconic {

enum class ElementType { u8, u16, u32, u64, i8, i16, i32, i64, f32 };

struct RawArray {
  ElementType type;
  std::vector<std::uint64_t> shape;
  std::vector<std::uint8_t> bytes;  ///< Row-major, little-endian, as long as type and shape say.
};

/// The format of MNIST (yann.lecun.com/exdb/mnist): two zero bytes, the type (only 0x08, unsigned
/// bytes, is taken), the number of dimensions, each dimension in 32 bits big-endian, the elements.
RawArray read_idx(const std::filesystem::path& path);

/// NumPy's format (numpy.lib.format), versions 1 to 3, as numpy.save writes it: integers or
/// float32, little-endian, in C order.
RawArray read_npy(const std::filesystem::path& path);

/// The product of `shape` and `element_bytes`, or 0 if that exceeds 64 bits or there is nothing.
inline std::uint64_t total_bytes(const std::vector<std::uint64_t>& shape,
                                 std::uint64_t element_bytes) {
  std::uint64_t total = element_bytes;
  for (const std::uint64_t dimension : shape)
    if (__builtin_mul_overflow(total, dimension, &total)) return 0;
  return total;
}

}  // namespace laconic
