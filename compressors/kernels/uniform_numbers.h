#pragma once

#include <cstddef>
#include <cstdint>

#include "base/rng.h"

namespace laconic::kernels {

/// `groups` times 32 numbers, one for each word of the stream from block `first` on: below `bound`,
/// or kRejected where the word is not to be used (uniform.h).
void uniform_numbers(const RngKey& key, std::uint64_t first, std::size_t groups,
                     std::uint32_t bound, std::uint32_t* out);

}  // namespace laconic::kernels
