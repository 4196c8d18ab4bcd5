#pragma once

#include <cstddef>

namespace laconic::kernels {

/// As memcpy, but past the caches where whole lines of `to` are written. Other threads see it after
/// end_stream.
void stream(const std::byte* from, std::byte* to, std::size_t bytes);
void end_stream();

}  // namespace laconic::kernels
