#include "compressors/wire/ones.h"

#include <algorithm>
#include <cstring>

namespace laconic::wire {

std::span<const std::uint32_t> OnesReader::next(std::size_t n) {
  // What was found beyond the last piece comes first, with the position before it.
  std::memmove(ones_.data(), &ones_[used_], (found_ - used_ + 1) * sizeof ones_[0]);
  found_ -= used_;
  const std::size_t whole = bits_.size() / 8;
  std::uint32_t* const out = ones_.data() + 1;
  if (found_ < n && word_ < whole) {
    const kernels::Found found =
        kernels::find_ones(&bits_[8 * word_], whole - word_, n - found_,
                           static_cast<std::uint32_t>(64 * word_), out + found_);
    word_ += found.words;
    found_ += found.ones;
  }
  if (found_ < n && word_ == whole && bits_.size() % 8 != 0) {
    std::uint64_t rest = 0;
    std::memcpy(&rest, &bits_[8 * word_], bits_.size() % 8);
    found_ += kernels::positions_of_ones({&rest, 1}, static_cast<std::uint32_t>(64 * word_),
                                         out + found_);
    ++word_;
  }
  used_ = std::min(n, found_);
  return {out, used_};
}

}  // namespace laconic::wire
