#include "compressors/wire/rice.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "base/errors.h"
#include "compressors/kernels/rice.h"
#include "compressors/wire/bits.h"
#include "compressors/wire/endian.h"

namespace laconic::wire {
namespace {

constexpr std::size_t kHeader = 5;  // kept (32 bits), shift (8 bits)
constexpr unsigned kMaxShift = 29;
constexpr std::size_t kTile = kernels::kRiceTile;
static_assert(kTile == RiceReader::kPiece);

std::size_t low_bytes(std::size_t kept, unsigned shift) {
  return bytes_for_bits(std::uint64_t{kept} * shift);
}

}  // namespace

// The gap before an index is the number of coordinates between it and the one kept before it. All
// gaps add up to at most count - kept, so their quotients by 2^shift add up to at most
// (count - kept) >> shift: the unary stream is that many zeros and a one for each index.
std::size_t rice_bytes(std::size_t kept, std::size_t count, unsigned shift) {
  return kHeader + low_bytes(kept, shift) + bytes_for_bits(kept + ((count - kept) >> shift));
}

// One more low bit costs `kept` bits and saves half of the zeros that are left.
unsigned rice_shift(std::size_t kept, std::size_t count) {
  unsigned shift = 0;
  while (shift < kMaxShift && (count - kept) >> (shift + 1) > kept) ++shift;
  return shift;
}

std::size_t write_rice(std::span<const std::uint32_t> indices, unsigned shift, MutBytes out) {
  store(out.data(), static_cast<std::uint32_t>(indices.size()));
  store(out.data() + 4, static_cast<std::uint8_t>(shift));
  std::byte* low = out.data() + kHeader;
  kernels::UnaryWriter unary{low + low_bytes(indices.size(), shift)};
  std::uint32_t next = 0;
  std::array<std::uint32_t, kTile> quotients;
  const std::size_t whole = indices.size() / kTile * kTile;
  for (std::size_t begin = 0; begin < whole; begin += kTile, low += kTile / 8 * shift) {
    kernels::split_gaps(&indices[begin], next, shift, low, quotients.data());
    kernels::put_unary(quotients.data(), kTile, begin + 2 * kTile <= whole, unary);
    next = indices[begin + kTile - 1] + 1;
  }
  const auto rest = indices.subspan(whole);
  BitWriter rest_low(MutBytes(low, low_bytes(rest.size(), shift)));
  for (std::size_t i = 0; i < rest.size(); ++i) {
    const std::uint32_t gap = rest[i] - next;
    rest_low.put(gap & ((std::uint32_t{1} << shift) - 1), shift);
    quotients[i] = gap >> shift;
    next = rest[i] + 1;
  }
  rest_low.finish();
  kernels::put_unary(quotients.data(), rest.size(), false, unary);
  std::memcpy(unary.out, &unary.held, bytes_for_bits(unary.bits));
  unary.out += bytes_for_bits(unary.bits);
  return static_cast<std::size_t>(unary.out - out.data());
}

// Every sum of a reader fits 32 bits. The encoder's shift has kept << shift <= count, which bounds
// the lower parts of all gaps by count; and the unary stream's length, checked here, bounds the
// rest of them by count as well. count is below 2^30.
RiceReader::RiceReader(const Section& section, std::size_t count)
    : section_(section), count_(count) {
  const Bytes bytes = section.bytes;
  if (bytes.size() <= kHeader) throw WireError(section.offset, "too short for Rice code");
  kept_ = load<std::uint32_t>(bytes.data());
  shift_ = load<std::uint8_t>(bytes.data() + 4);
  if (kept_ == 0 || kept_ > count) throw WireError(section.offset, "number of indices");
  if (shift_ > kMaxShift || kept_ << shift_ > count)
    throw WireError(section.offset + 4, "Rice code with a shift that no encoder takes");
  const std::size_t low = low_bytes(kept_, shift_);
  if (bytes.size() - kHeader <= low) throw WireError(section.offset, "Rice code is cut short");
  low_ = bytes.subspan(kHeader, low);
  const Bytes unary = bytes.subspan(kHeader + low);
  const auto last = load<std::uint8_t>(&unary.back());
  const std::uint64_t bits = 8 * (unary.size() - 1) + std::bit_width(last);
  if (last == 0 || bits > kept_ + ((count - kept_) >> shift_))
    throw WireError(section.offset, "Rice code goes on after its indices end");
  last_one_ = static_cast<std::uint32_t>(bits - 1);
  ones_ = OnesReader(unary);
}

std::span<const std::uint32_t> RiceReader::next(std::span<std::uint32_t, kPiece> out) {
  const std::size_t n = std::min(kPiece, kept_ - done_);
  const auto ones = ones_.next(n);
  if (ones.size() < n)
    throw WireError(section_.offset + section_.bytes.size(),
                    "Rice code ends before its indices do");
  const Bytes low = low_.subspan(done_ / 8 * shift_);
  if (n == kTile) {
    kernels::join_gaps(low.data(), shift_, ones.data(), next_, out.data());
  } else {
    std::array<std::uint32_t, kTile> numbers{};
    BitReader rest(low);
    for (std::size_t i = 0; i < n; ++i) numbers[i] = rest.get(shift_);
    kernels::join_unpacked(numbers.data(), shift_, ones.data(), next_, out.data(), n);
  }
  done_ += n;
  if (out[n - 1] >= count_) throw WireError(section_.offset, "an index beyond the vector");
  if (done_ == kept_ && ones.back() != last_one_)
    throw WireError(section_.offset, "Rice code goes on after its indices end");
  next_ = out[n - 1] + 1;
  return out.first(n);
}

}  // namespace laconic::wire
