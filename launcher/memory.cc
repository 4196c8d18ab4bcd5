// Vectors of many megabytes, parameters, gradients and residuals, go to huge pages wherever the
// system grants them: one place for all, as they come from std::vector.
#include <cstdlib>
#include <new>

#include "base/huge_pages.h"

// Sanitizers have a new of their own.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

namespace {

// Of malloc's large blocks, fresh ones have never been touched.
constexpr std::size_t kLarge = std::size_t{8} << 20;

}  // namespace

void* operator new(std::size_t bytes) {
  while (true) {
    if (void* const memory = std::malloc(bytes > 0 ? bytes : 1)) {
      if (bytes >= kLarge) laconic::advise_huge_pages(memory, bytes);
      return memory;
    }
    const std::new_handler handler = std::get_new_handler();
    if (handler == nullptr) throw std::bad_alloc();
    handler();
  }
}

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

#endif
