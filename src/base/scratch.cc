#include "base/scratch.h"

#include <algorithm>
#include <new>

#include "base/huge_pages.h"

namespace laconic {
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
