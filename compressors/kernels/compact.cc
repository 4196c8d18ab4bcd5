#include "compressors/kernels/compact.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compressors/kernels/compact.cc"
#include <hwy/foreach_target.h>

#include "compressors/kernels/lanes-inl.h"
#include "compressors/kernels/positions.h"
#include "compressors/kernels/scan.h"

HWY_BEFORE_NAMESPACE();
namespace laconic::kernels::HWY_NAMESPACE {

std::size_t keep_one_by_one(float* values, std::uint32_t* indices, std::size_t begin,
                            std::size_t end, std::size_t kept, std::uint32_t threshold,
                            std::size_t& ties) {
  for (std::size_t i = begin; i < end; ++i) {
    const std::uint32_t m = magnitude_key(values[i]);
    const bool tie = m == threshold && ties > 0;
    if (!tie && m <= threshold) continue;
    ties -= tie ? 1 : 0;
    values[kept] = values[i];
    indices[kept++] = indices[i];
  }
  return kept;
}

Copied copy_one_by_one(const float* values, const std::uint32_t* indices, std::size_t n,
                       std::uint32_t high, float* values_out, std::uint32_t* indices_out) {
  Copied copied{0, 0};
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint32_t key = magnitude_key(values[i]);
    values_out[copied.count] = values[i];
    indices_out[copied.count] = indices[i];
    copied.count += key < high ? 1 : 0;
    copied.largest = std::max(copied.largest, key);
  }
  return copied;
}

#if HWY_TARGET == HWY_SCALAR

std::size_t keep_largest(float* values, std::uint32_t* indices, std::size_t n,
                         std::uint32_t threshold, std::size_t& ties) {
  return keep_one_by_one(values, indices, 0, n, 0, threshold, ties);
}

Copied copy_below(const float* values, const std::uint32_t* indices, std::size_t n,
                  std::uint32_t high, float* values_out, std::uint32_t* indices_out) {
  return copy_one_by_one(values, indices, n, high, values_out, indices_out);
}

#else

using Tag = I32::Tag;

/// Moves the lanes that `keep` marks to the front.
HWY_INLINE hn::Vec<Tag> squeeze(hn::Vec<Tag> v, hn::Mask<Tag> keep) {
#if HWY_TARGET <= HWY_AVX3
  return hn::Compress(v, keep);
#else
  // Highway 1.0.3 would copy its table to the stack at each call here.
  const hn::Rebind<std::uint8_t, Tag> bytes;
  std::uint8_t bits[8];
  hn::StoreMaskBits(Tag(), keep, bits);
  const auto order = hn::PromoteTo(Tag(), hn::LoadU(bytes, kPositionsInByte[bits[0]].data()));
  return hn::TableLookupLanes(v, hn::IndicesFromVec(Tag(), order));
#endif
}

// A store writes a whole register, but never past what has been read: kept <= i.
std::size_t keep_largest(float* values, std::uint32_t* indices, std::size_t n,
                         std::uint32_t threshold, std::size_t& ties) {
  auto* v = reinterpret_cast<std::int32_t*>(values);
  auto* x = reinterpret_cast<std::int32_t*>(indices);
  const auto bound = hn::Set(Tag(), static_cast<std::int32_t>(threshold));
  const auto magnitude_mask = hn::Set(Tag(), 0x7fffffff);
  constexpr std::size_t kEach = I32::kEach;
  std::size_t kept = 0, i = 0;
  for (; i + kEach <= n; i += kEach) {
    const auto value = hn::LoadU(Tag(), v + i), index = hn::LoadU(Tag(), x + i);
    const auto magnitude = value & magnitude_mask;
    // Ties are rare but for the last one that fits; where they are many, few are wanted.
    if (HWY_UNLIKELY(ties > 0 && !hn::AllFalse(Tag(), magnitude == bound))) {
      kept = keep_one_by_one(values, indices, i, i + kEach, kept, threshold, ties);
      continue;
    }
    const auto keep = magnitude > bound;
    hn::StoreU(squeeze(value, keep), Tag(), v + kept);
    hn::StoreU(squeeze(index, keep), Tag(), x + kept);
    kept += hn::CountTrue(Tag(), keep);
  }
  return keep_one_by_one(values, indices, i, n, kept, threshold, ties);
}

Copied copy_below(const float* values, const std::uint32_t* indices, std::size_t n,
                  std::uint32_t high, float* values_out, std::uint32_t* indices_out) {
  const auto* v = reinterpret_cast<const std::int32_t*>(values);
  const auto* x = reinterpret_cast<const std::int32_t*>(indices);
  const auto bound = hn::Set(Tag(), static_cast<std::int32_t>(high - 1));
  const auto magnitude_mask = hn::Set(Tag(), 0x7fffffff);
  constexpr std::size_t kEach = I32::kEach;
  auto largest = hn::Zero(Tag());
  std::size_t count = 0, i = 0;
  for (; i + kEach <= n; i += kEach) {
    const auto value = hn::LoadU(Tag(), v + i);
    const auto key = value & magnitude_mask;
    const auto copy = hn::Not(key > bound);
    hn::StoreU(squeeze(value, copy), Tag(), reinterpret_cast<std::int32_t*>(values_out) + count);
    hn::StoreU(squeeze(hn::LoadU(Tag(), x + i), copy), Tag(),
               reinterpret_cast<std::int32_t*>(indices_out) + count);
    count += hn::CountTrue(Tag(), copy);
    largest = hn::Max(largest, key);
  }
  const Copied rest = copy_one_by_one(values + i, indices + i, n - i, high, values_out + count,
                                      indices_out + count);
  const auto most = static_cast<std::uint32_t>(hn::GetLane(hn::MaxOfLanes(Tag(), largest)));
  return {count + rest.count, std::max(most, rest.largest)};
}

#endif

}  // namespace laconic::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace laconic::kernels {

HWY_EXPORT(keep_largest);
HWY_EXPORT(copy_below);

std::size_t keep_largest(MutFloats values, std::span<std::uint32_t> indices,
                         std::uint32_t threshold, std::size_t& ties) {
  return HWY_DYNAMIC_DISPATCH(keep_largest)(values.data(), indices.data(), values.size(), threshold,
                                            ties);
}

Copied copy_below(Floats values, std::span<const std::uint32_t> indices, std::uint32_t high,
                  float* values_out, std::uint32_t* indices_out) {
  return HWY_DYNAMIC_DISPATCH(copy_below)(values.data(), indices.data(), values.size(), high,
                                          values_out, indices_out);
}

}  // namespace laconic::kernels
#endif  // HWY_ONCE
