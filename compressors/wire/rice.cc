#include "compressors/wire/rice.h"

#include <algorithm>
#include <cstring>

#include "base/errors.h"
#include "compressors/wire/bits.h"
#include "compressors/wire/endian.h"

namespace laconic::wire {
namespace {

constexpr std::size_t kHeader = 5;  // kept (32 bits), shift (8 bits)
constexpr unsigned kMaxShift = 29;
constexpr std::size_t kLanes = 16, kRows = 32, kTile = kLanes * kRows;

// A tile is 512 numbers of `shift` bits as 16 lanes of 32: number i is the (i / 16)-th of lane
// i % 16, and word w of all lanes stand side by side. A register then holds the same bits of 16
// neighbours, and one shift of it yields 16 numbers in order. 32 rows fill `shift` words exactly.
void pack_tile(std::span<const std::uint32_t, kTile> in, unsigned shift, std::byte* out) {
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    std::uint64_t held = 0;
    unsigned bits = 0;
    std::size_t word = 0;
    for (std::size_t row = 0; row < kRows; ++row) {
      held |= std::uint64_t{in[row * kLanes + lane]} << bits;
      bits += shift;
      if (bits < 32) continue;
      store(out + 4 * (word++ * kLanes + lane), static_cast<std::uint32_t>(held));
      held >>= 32;
      bits -= 32;
    }
  }
}

void unpack_tile(const std::byte* in, unsigned shift, std::span<std::uint32_t, kTile> out) {
  const std::uint64_t mask = (std::uint64_t{1} << shift) - 1;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    std::uint64_t held = 0;
    unsigned bits = 0;
    std::size_t word = 0;
    for (std::size_t row = 0; row < kRows; ++row) {
      if (bits < shift) {
        held |= std::uint64_t{load<std::uint32_t>(in + 4 * (word++ * kLanes + lane))} << bits;
        bits += 32;
      }
      out[row * kLanes + lane] = static_cast<std::uint32_t>(held & mask);
      held >>= shift;
      bits -= shift;
    }
  }
}

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
  const std::uint32_t mask = (std::uint32_t{1} << shift) - 1;
  const std::size_t unary_at = kHeader + low_bytes(indices.size(), shift);
  BitWriter unary(out.subspan(unary_at));
  std::uint32_t next = 0;
  std::array<std::uint32_t, kTile> tile;
  for (std::size_t begin = 0; begin < indices.size(); begin += kTile) {
    const std::size_t n = std::min(kTile, indices.size() - begin);
    for (std::size_t i = 0; i < n; ++i) {
      const std::uint32_t gap = indices[begin + i] - next;
      next = indices[begin + i] + 1;
      tile[i] = gap & mask;
      std::uint32_t quotient = gap >> shift;
      for (; quotient >= 31; quotient -= 31) unary.put(0, 31);
      unary.put(std::uint32_t{1} << quotient, quotient + 1);
    }
    if (n == kTile) {
      pack_tile(tile, shift, low);
      low += kTile / 8 * shift;
    } else {
      BitWriter rest(MutBytes(low, low_bytes(n, shift)));
      for (std::size_t i = 0; i < n; ++i) rest.put(tile[i], shift);
      rest.finish();
    }
  }
  return unary_at + unary.finish();
}

// A number of 32 bits holds every sum below: the encoder's shift has kept << shift <= count, which
// bounds the low bits of all gaps by count; the quotients of a piece are checked to add at most
// another count; and count is below 2^30.
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
  unary_ = bytes.subspan(kHeader + low);
}

void RiceReader::next_low(std::span<std::uint32_t> out) {
  const std::byte* low = low_.data() + done_ / 8 * shift_;
  if (out.size() == kTile) {
    unpack_tile(low, shift_, out.first<kTile>());
  } else {
    BitReader rest(low_.subspan(done_ / 8 * shift_));
    for (std::uint32_t& number : out) number = rest.get(shift_);
  }
}

// The position of the next one in the unary stream.
std::uint64_t RiceReader::next_one() {
  for (; bit_ < 8 * unary_.size(); ++bit_)
    if ((load<std::uint8_t>(&unary_[bit_ / 8]) >> bit_ % 8 & 1) != 0) return bit_++;
  throw WireError(section_.offset + section_.bytes.size(), "Rice code ends before its indices do");
}

void RiceReader::next(std::span<std::uint32_t> out) {
  next_low(out);
  for (std::uint32_t& number : out) {
    const std::uint64_t begin = bit_;
    next_ += ((next_one() - begin) << shift_) + number;
    if (next_ >= count_) throw WireError(section_.offset, "an index beyond the vector");
    number = static_cast<std::uint32_t>(next_++);
  }
  done_ += out.size();
  if (done_ < kept_) return;
  const auto last = load<std::uint8_t>(&unary_.back());
  if (bytes_for_bits(bit_) != unary_.size() || last >> ((bit_ - 1) % 8) != 1)
    throw WireError(section_.offset, "Rice code goes on after its indices end");
}

}  // namespace laconic::wire
