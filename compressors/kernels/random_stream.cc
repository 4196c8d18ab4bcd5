#include "compressors/kernels/random_stream.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compressors/kernels/random_stream.cc"
#include <hwy/foreach_target.h>

#include "compressors/kernels/philox-inl.h"

HWY_BEFORE_NAMESPACE();
namespace laconic::kernels::HWY_NAMESPACE {

// Blocks [first, first + 8 groups) of a key.
void random_blocks(const RngKey& key, std::uint64_t first, std::size_t groups, std::byte* out) {
  const U64 blocks = lane_blocks();
  const PhiloxKeys keys(key);
  for (std::size_t g = 0; g < groups; ++g, out += sizeof(RandomWords)) {
    const RandomWords words = random_words(keys, first + 8 * g, blocks);
    store_bytes(words.lower, out);
    store_bytes(words.upper, out + sizeof words.lower);
  }
}

}  // namespace laconic::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace laconic::kernels {

HWY_EXPORT(random_blocks);

void RandomStream::refill() {
  constexpr std::size_t kGroup = 64;  // numbers in eight blocks
  const std::size_t groups = std::clamp(4 * end_ / kGroup, std::size_t{1}, kAhead / kGroup);
  HWY_DYNAMIC_DISPATCH(random_blocks)
  (key_, block_, groups, std::as_writable_bytes(std::span(numbers_)).data());
  block_ += 8 * groups;
  next_ = 0, end_ = kGroup * groups;
}

}  // namespace laconic::kernels
#endif  // HWY_ONCE
