#include "base/huge_pages.h"

#include <sys/mman.h>

#include <cstdint>

namespace laconic {

void advise_huge_pages(void* memory, std::size_t bytes) {
  constexpr std::size_t kHugePage = std::size_t{1} << 21;
  const std::size_t before = -reinterpret_cast<std::uintptr_t>(memory) % kHugePage;
  if (bytes < before + kHugePage) return;
  madvise(static_cast<std::byte*>(memory) + before, (bytes - before) / kHugePage * kHugePage,
          MADV_HUGEPAGE);
}

}  // namespace laconic
