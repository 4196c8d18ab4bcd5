#include "collectives/exchange/landing.h"

#include <algorithm>
#include <array>

namespace laconic {
namespace {

/// Floats. With what else a pass reads and writes, half of the first cache.
constexpr std::size_t kPiece = 2048;

/// A frame with more bytes than this share of the vector's is not worth a list.
constexpr double kSparse = 1.0 / 8;

/// use(index, value) of those from place `at` on whose index is below `end`; returns the next
/// place.
template <typename Use>
std::size_t walk(const SparseList& list, std::size_t at, std::size_t end, const Use& use) {
  for (; at < list.indices.size() && list.indices[at] < end; ++at)
    use(list.indices[at], list.values[at]);
  return at;
}

}  // namespace

void Landing::begin(MutFloats vector) {
  vector_ = vector;
  count_ = 0;
}

void Landing::land(Bytes frame, const Compressor& compressor, Slice where) {
  const auto* sparsifier = dynamic_cast<const Sparsifier*>(&compressor);
  const double share =
      static_cast<double>(frame.size()) / static_cast<double>(where.count * sizeof(float));
  if (sparsifier == nullptr || share > kSparse)
    return compressor.decode(frame, part(vector_, where));
  if (count_ == sparse_.size()) sparse_.emplace_back();
  Sparse& sparse = sparse_[count_];
  sparse.where = where;
  sparsifier->decode_list(frame, where.count, sparse.list);
  ++count_;
}

void Landing::spread() {
  for (std::size_t i = 0; i < count_; ++i) {
    const MutFloats out = part(vector_, sparse_[i].where);
    std::ranges::fill(out, 0.0f);
    walk(sparse_[i].list, 0, out.size(), [&](std::uint32_t at, float value) { out[at] = value; });
  }
  count_ = 0;
}

std::vector<const Landing::Sparse*> Landing::in_order() const {
  std::vector<const Sparse*> all;
  for (std::size_t i = 0; i < count_; ++i) all.push_back(&sparse_[i]);
  std::ranges::sort(all, {}, [](const Sparse* sparse) { return sparse->where.begin; });
  return all;
}

void Landing::each(const Use& use) const {
  std::array<float, kPiece> memory{};
  std::size_t begin = 0;
  const auto use_vector_until = [&](std::size_t end) {
    if (begin < end) use({begin, end - begin}, part(vector_, {begin, end - begin}));
  };
  for (const Sparse* sparse : in_order()) {
    const auto& [where, list] = *sparse;
    use_vector_until(where.begin);
    std::size_t at = 0;
    for (begin = where.begin; begin < where.end(); begin += kPiece) {
      const std::size_t inside = begin - where.begin;
      const std::size_t count = std::min(kPiece, where.end() - begin);
      walk(list, at, inside + count,
           [&](std::uint32_t i, float value) { memory[i - inside] = value; });
      use({begin, count}, Floats(memory).first(count));
      at = walk(list, at, inside + count, [&](std::uint32_t i, float) { memory[i - inside] = 0; });
    }
    begin = where.end();
  }
  use_vector_until(vector_.size());
}

}  // namespace laconic
