#include "tests/collectives/tcp/largest_allocation.h"

#include <cstdlib>
#include <new>

namespace laconic::test {
std::atomic<std::size_t> largest_allocation{0};
}  // namespace laconic::test

// A file of its own, so that no allocation and its release are inlined into one another: GCC would
// take them for a mismatch.
void* operator new(std::size_t bytes) {
  auto& largest = laconic::test::largest_allocation;
  for (std::size_t seen = largest; seen < bytes && !largest.compare_exchange_weak(seen, bytes);) {
  }
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
