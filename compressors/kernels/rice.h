#pragma once

#include <cstddef>
#include <cstdint>

/// The two halves of Rice code (wire/rice.h), 512 gaps at a time.
namespace laconic::kernels {

inline constexpr std::size_t kRiceTile = 512;

/// Of the gaps before 512 ascending indices, the first of which is at least `next`: writes the
/// lower `shift` bits to `low` (64 * shift bytes) and the rest to `quotients`. A tile is 16 lanes
/// of 32 numbers: number i is the (i / 16)-th of lane i % 16, and word w of all lanes stand side by
/// side. A register then holds the same bits of 16 neighbours, and one shift of it yields 16
/// numbers in order; 32 rows fill `shift` words exactly.
void split_gaps(const std::uint32_t* indices, std::uint32_t next, unsigned shift, std::byte* low,
                std::uint32_t* quotients);

/// The inverse, where `ones` are the positions of ones in the unary stream, the one before them
/// being ones[-1]: 512 indices.
void join_gaps(const std::byte* low, unsigned shift, const std::uint32_t* ones, std::uint32_t next,
               std::uint32_t* indices);

/// The same for `n` lower parts that have been unpacked; rounded up to 16, elements of all arrays
/// are read and written.
void join_unpacked(const std::uint32_t* low, unsigned shift, const std::uint32_t* ones,
                   std::uint32_t next, std::uint32_t* indices, std::size_t n);

/// A stream of bits that is written word by word.
struct UnaryWriter {
  std::byte* out;
  std::uint64_t held = 0;
  unsigned bits = 0;  ///< Below 64.
};

/// Each as so many zeros and a one. What `out` points to is overwritten only by whole words, unless
/// `more` will follow, of at least 64 bits.
void put_unary(const std::uint32_t* quotients, std::size_t n, bool more, UnaryWriter& writer);

}  // namespace laconic::kernels
