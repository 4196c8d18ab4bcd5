// One of each stratum, by the rule of compressors/README.md.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compressors/kernels/random_strata.cc"
#include <hwy/foreach_target.h>

#include <bit>

#include "compressors/kernels/lanes-inl.h"
#include "compressors/kernels/uniform.h"

HWY_BEFORE_NAMESPACE();
namespace laconic::kernels::HWY_NAMESPACE {

// Of strata one after another, the first of which begins at `base`, from a number each.
void of_strata(std::span<const std::uint16_t> random, const Uniform& below, std::uint32_t base,
               std::uint32_t* out, Reserve& reserve) {
  const std::uint32_t size = below.bound();
  std::uint32_t begins[kLanes];
  for (std::uint32_t i = 0; i < kLanes; ++i) begins[i] = base + i * size;
  U32 begin = load(begins);
  const U32 step = splat(static_cast<std::uint32_t>(kLanes * size)), half = splat(0xffffu);
  std::size_t i = 0;
  for (; i + kLanes <= random.size(); i += kLanes) {
    const U32 product = load_narrow<std::uint16_t>(&random[i]) * splat(size);
    store(begin + shift_right<16>(product), out + i);
    begin = begin + step;
    std::uint32_t unused = lanes_below(product & half, below.uneven());
    for (; HWY_UNLIKELY(unused != 0); unused &= unused - 1) {
      const auto j = i + static_cast<std::size_t>(std::countr_zero(unused));
      out[j] = base + static_cast<std::uint32_t>(j) * size + reserve.below(size);
    }
  }
  for (; i < random.size(); ++i)
    out[i] = base + static_cast<std::uint32_t>(i) * size + reserve.unless(below(random[i]), size);
}

}  // namespace laconic::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "base/check.h"
#include "compressors/kernels/random_indices.h"

namespace laconic {
namespace kernels {

HWY_EXPORT(of_strata);

}  // namespace kernels

void random_of_strata(const RngKey& key, std::size_t count, std::span<std::uint32_t> out) {
  using namespace kernels;
  if (out.empty()) return;
  check(out.size() <= count, "no more strata than elements");
  // Of larger ones, 16 bits would be of no use too often.
  constexpr std::uint32_t kLargestOf16Bits = 4096;
  const Strata strata(count, out.size());
  const bool by_halves = strata.size_of(0) <= kLargestOf16Bits;
  RandomStream stream(key);
  Reserve reserve(derive(key, 0));
  std::uint32_t base = 0;
  // One run of strata of each size.
  for (std::size_t j = 0; j < out.size();) {
    const std::uint32_t size = strata.size_of(j);
    const std::size_t end = j < strata.larger ? strata.larger : out.size();
    const Uniform below(size, by_halves ? 16 : 32);
    if (by_halves) {
      const auto random = stream.next(end - j);
      HWY_DYNAMIC_DISPATCH(of_strata)(random, below, base, &out[j], reserve);
      j += random.size();
      base += static_cast<std::uint32_t>(random.size()) * size;
    } else {
      for (; j < end; ++j, base += size)
        out[j] = base + reserve.unless(below(next_word(stream)), size);
    }
  }
}

}  // namespace laconic
#endif  // HWY_ONCE
