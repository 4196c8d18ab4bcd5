#include "base/scratch.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <new>

namespace laconic {
namespace {

// Asks for huge pages where a block has room for some: passes over many megabytes would spend a few
// percent of their time on the translation of addresses. Where the system has none, nothing is
// lost.
void advise_huge_pages(std::byte* memory, std::size_t size) {
  constexpr std::size_t kHugePage = std::size_t{1} << 21;
  const std::size_t before = -reinterpret_cast<std::uintptr_t>(memory) % kHugePage;
  if (size < before + kHugePage) return;
  madvise(memory + before, (size - before) / kHugePage * kHugePage, MADV_HUGEPAGE);
}

}  // namespace

void Scratch::Block::Free::operator()(std::byte* p) const {
  ::operator delete (p, std::align_val_t{kAlign});
}

std::size_t Scratch::capacity() const {
  std::size_t sum = 0;
  for (const Block& block : blocks_) sum += block.size;
  return sum;
}

std::byte* Scratch::take_bytes(std::size_t bytes) {
  const std::size_t need = (bytes + kAlign - 1) / kAlign * kAlign + kAlign;
  while (block_ < blocks_.size() && blocks_[block_].size - used_ < need) ++block_, used_ = 0;
  if (block_ == blocks_.size()) {
    const std::size_t last = blocks_.empty() ? 0 : blocks_.back().size;
    const std::size_t size = std::max({need, 2 * last, std::size_t{1} << 16});
    auto* memory = static_cast<std::byte*>(::operator new (size, std::align_val_t{kAlign}));
    advise_huge_pages(memory, size);
    blocks_.push_back({std::unique_ptr<std::byte, Block::Free>(memory), size});
    used_ = 0;
  }
  std::byte* taken = blocks_[block_].memory.get() + used_;
  used_ += need;
  return taken;
}

}  // namespace laconic
