#include "compressors/kernels/random_indices.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compressors/kernels/random_indices.cc"
#include <hwy/foreach_target.h>

#include "compressors/kernels/philox-inl.h"
#include "compressors/kernels/uniform.h"

HWY_BEFORE_NAMESPACE();
namespace laconic::kernels::HWY_NAMESPACE {

constexpr std::size_t kGroup = 32;  // words at a time

// Words times a bound, as Lanes of 32 bits in the order of the words: the upper halves are uniform
// numbers below the bound, if the lower halves say so.
struct Scaled {
  U32 upper, lower;
};
HWY_INLINE Scaled scaled(const U64& words, std::uint32_t bound) {
  const U64 even = multiply_low(words, bound), odd = multiply_low(shift_right<32>(words), bound);
  const U64 mask = splat<std::uint64_t>(0xffffffff);
  return {as_words(shift_right<32>(even) | (odd & splat<std::uint64_t>(0xffffffff00000000))),
          as_words((even & mask) | shift_left<32>(odd))};
}

// `groups` times 32 numbers below `bound` from block `first` on; kRejected where a word is not to
// be used.
void uniform_numbers(const RngKey& key, std::uint64_t first, std::size_t groups,
                     std::uint32_t bound, std::uint32_t* out) {
  const U64 blocks = lane_blocks();
  const PhiloxKeys keys(key);
  const std::uint32_t uneven = uneven_words(bound);
  for (std::size_t g = 0; g < groups; ++g, out += kGroup) {
    const RandomWords words = random_words(keys, first + kGroup / 4 * g, blocks);
    const Scaled a = scaled(words.lower, bound), b = scaled(words.upper, bound);
    store(a.upper, out), store(b.upper, out + kLanes);
    if (HWY_LIKELY(!any_below(min(a.lower, b.lower), uneven))) continue;
    std::uint32_t lower[kGroup];
    store(a.lower, lower), store(b.lower, lower + kLanes);
    for (std::size_t i = 0; i < kGroup; ++i)
      if (lower[i] < uneven) out[i] = kRejected;
  }
}

// Of `groups` times 32 strata of `size` from number `stratum` on, a multiple of 32, the first of
// which begins at `base`.
void uniform_of_strata(const RngKey& key, std::size_t stratum, std::size_t groups,
                       std::uint32_t size, std::uint32_t base, std::uint32_t* out) {
  const U64 blocks = lane_blocks();
  const PhiloxKeys keys(key);
  const std::uint32_t uneven = uneven_words(size);
  std::uint32_t begins[kLanes];
  for (std::uint32_t i = 0; i < kLanes; ++i) begins[i] = base + i * size;
  U32 begin = load(begins);
  const U32 step = splat(static_cast<std::uint32_t>(kLanes * size));
  for (std::size_t g = 0; g < groups; ++g, out += kGroup) {
    const RandomWords words = random_words(keys, (stratum + kGroup * g) / 4, blocks);
    const Scaled a = scaled(words.lower, size), b = scaled(words.upper, size);
    store(begin + a.upper, out);
    begin = begin + step;
    store(begin + b.upper, out + kLanes);
    begin = begin + step;
    if (HWY_LIKELY(!any_below(min(a.lower, b.lower), uneven))) continue;
    for (std::size_t i = kGroup * g; i < kGroup * (g + 1); ++i)
      out[i - kGroup * g] =
          base + static_cast<std::uint32_t>(i) * size + uniform_in_stratum(key, stratum + i, size);
  }
}

}  // namespace laconic::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "base/check.h"
#include "compressors/kernels/uniform_numbers.h"

namespace laconic {
namespace kernels {

HWY_EXPORT(uniform_numbers);
HWY_EXPORT(uniform_of_strata);

void uniform_numbers(const RngKey& key, std::uint64_t first, std::size_t groups,
                     std::uint32_t bound, std::uint32_t* out) {
  HWY_DYNAMIC_DISPATCH(uniform_numbers)(key, first, groups, bound, out);
}

}  // namespace kernels

void random_of_strata(const RngKey& key, std::size_t count, std::span<std::uint32_t> out) {
  using namespace kernels;
  if (out.empty()) return;
  check(out.size() <= count, "no more strata than elements");
  const Strata strata(count, out.size());
  std::uint32_t base = 0;
  // One run of strata of each size; whole groups of words by the kernel, what is left one by one.
  for (std::size_t j = 0; j < out.size();) {
    const std::uint32_t size = strata.size_of(j);
    const std::size_t end = j < strata.larger ? strata.larger : out.size();
    const std::size_t groups = j % 32 == 0 ? (end - j) / 32 : 0;
    if (groups > 0) {
      HWY_DYNAMIC_DISPATCH(uniform_of_strata)(key, j, groups, size, base, &out[j]);
      base += static_cast<std::uint32_t>(32 * groups) * size;
      j += 32 * groups;
    } else {
      out[j] = base + uniform_in_stratum(key, j, size);
      base += size;
      ++j;
    }
  }
}

}  // namespace laconic
#endif  // HWY_ONCE
