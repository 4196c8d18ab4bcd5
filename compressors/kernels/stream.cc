#include "compressors/kernels/stream.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compressors/kernels/stream.cc"
#include <hwy/foreach_target.h>

#include "compressors/kernels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace laconic::kernels::HWY_NAMESPACE {

void stream_copy(const std::byte* from, std::byte* to, std::size_t bytes) {
#if HWY_TARGET != HWY_SCALAR
  constexpr std::size_t kLine = 64;
  const std::size_t before = std::min(bytes, -reinterpret_cast<std::uintptr_t>(to) % kLine);
  std::memcpy(to, from, before);
  from += before, to += before, bytes -= before;
  for (; bytes >= kLine; from += kLine, to += kLine, bytes -= kLine)
    stream(load_bytes<std::uint32_t>(from), reinterpret_cast<std::uint32_t*>(to));
#endif
  std::memcpy(to, from, bytes);
}

}  // namespace laconic::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace laconic::kernels {

HWY_EXPORT(stream_copy);

void stream(const std::byte* from, std::byte* to, std::size_t bytes) {
  HWY_DYNAMIC_DISPATCH(stream_copy)(from, to, bytes);
}

void end_stream() { hwy::FlushStream(); }

}  // namespace laconic::kernels
#endif  // HWY_ONCE
