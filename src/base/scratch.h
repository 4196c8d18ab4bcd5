#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

namespace laconic {

/// Grow-only working memory for one thread, passed in by whoever calls: after the first steps
/// nothing is allocated any more. Memory taken inside a Scope is given back when the scope ends;
/// spans stay valid until then, also when more is taken.
class Scratch {
 public:
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  class Scope {
   public:
    explicit Scope(Scratch& scratch)
        : scratch_(scratch), block_(scratch.block_), used_(scratch.used_) {}
    ~Scope() { scratch_.block_ = block_, scratch_.used_ = used_; }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Scratch& scratch_;
    std::size_t block_, used_;
  };

  /// `count` uninitialised elements, aligned to a cache line and padded by one, so that a kernel
  /// may write a whole vector register past the end.
  template <typename T>
  std::span<T> take(std::size_t count) {
    static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= kAlign);
    return {reinterpret_cast<T*>(take_bytes(count * sizeof(T))), count};
  }

  std::size_t capacity() const;  ///< Bytes held.

 private:
  static constexpr std::size_t kAlign = 64;
  struct Block {
    struct Free {
      void operator()(std::byte* p) const;
    };
    std::unique_ptr<std::byte, Free> memory;
    std::size_t size = 0;
  };

  std::byte* take_bytes(std::size_t bytes);

  std::vector<Block> blocks_;
  std::size_t block_ = 0;  // the one being filled
  std::size_t used_ = 0;   // of it, in bytes
};

}  // namespace laconic
