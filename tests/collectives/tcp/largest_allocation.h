#pragma once

#include <atomic>
#include <cstddef>

namespace laconic::test {

/// The most bytes that this program has allocated at once since it was last set to 0. So a length
/// from outside that is believed is seen, also where the system would grant it.
extern std::atomic<std::size_t> largest_allocation;

}  // namespace laconic::test
