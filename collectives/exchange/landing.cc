#include "collectives/exchange/landing.h"

#include <algorithm>
#include <array>

#include "collectives/exchange/frames.h"

namespace laconic {
namespace {

/// Floats. With what else a pass reads and writes, half of the first cache.
constexpr std::size_t kPiece = 2048;

/// A frame with more bytes than this share of the vector's is not worth a list.
constexpr double kSparse = 1.0 / 8;

/// Goes through lists together, a stretch of indices at a time.
class Walk {
 public:
  explicit Walk(const std::vector<SparseList>& lists) : lists_(lists), at_(lists.size()) {}

  /// use(index, value) of all below `end`, list after list.
  template <typename Use>
  void look(std::size_t end, const Use& use) const {
    for (std::size_t l = 0; l < lists_.size(); ++l) go(l, at_[l], end, use);
  }

  /// The same, and those after them are next.
  template <typename Use>
  void pass(std::size_t end, const Use& use) {
    for (std::size_t l = 0; l < lists_.size(); ++l) at_[l] = go(l, at_[l], end, use);
  }

 private:
  template <typename Use>
  std::size_t go(std::size_t l, std::size_t at, std::size_t end, const Use& use) const {
    const auto& [indices, values] = lists_[l];
    for (; at < indices.size() && indices[at] < end; ++at) use(indices[at], values[at]);
    return at;
  }

  const std::vector<SparseList>& lists_;
  std::vector<std::size_t> at_;
};

/// Of the lists, what is below `end`, into zeros that stand for the elements from `begin` on.
void write(const Walk& walk, std::optional<float> scale, std::size_t begin, std::size_t end,
           float* out) {
  if (scale)
    walk.look(end, [=](std::uint32_t i, float value) { out[i - begin] += *scale * value; });
  else
    walk.look(end, [=](std::uint32_t i, float value) { out[i - begin] = value; });
}

}  // namespace

void Landing::begin(MutFloats vector) {
  vector_ = vector;
  count_ = 0;
}

void Landing::land(Bytes frame, const Compressor& compressor, Slice where) {
  if (Sparse* lists = sparse({&frame, 1}, compressor, where))
    lists->scale = std::nullopt;
  else
    compressor.decode(frame, part(vector_, where));
}

void Landing::land_mean(std::span<const Bytes> frames, const Compressor& compressor, Slice where) {
  if (Sparse* lists = sparse(frames, compressor, where))
    lists->scale = 1.0f / static_cast<float>(frames.size());
  else
    average(frames, compressor, part(vector_, where));
}

/// The lists of frames that are worth it.
Landing::Sparse* Landing::sparse(std::span<const Bytes> frames, const Compressor& compressor,
                                 Slice where) {
  const auto* sparsifier = dynamic_cast<const Sparsifier*>(&compressor);
  std::size_t bytes = 0;
  for (const Bytes frame : frames) bytes += frame.size();
  if (sparsifier == nullptr ||
      static_cast<double>(bytes) > kSparse * static_cast<double>(where.count * sizeof(float)))
    return nullptr;
  if (count_ == sparse_.size()) sparse_.emplace_back();
  Sparse& sparse = sparse_[count_];
  sparse.where = where;
  sparse.lists.resize(frames.size());
  for (std::size_t f = 0; f < frames.size(); ++f)
    sparsifier->decode_list(frames[f], where.count, sparse.lists[f]);
  ++count_;
  return &sparse;
}

void Landing::spread() {
  for (const Sparse* sparse : in_order()) {
    const MutFloats out = part(vector_, sparse->where);
    std::ranges::fill(out, 0.0f);
    write(Walk(sparse->lists), sparse->scale, 0, out.size(), out.data());
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
    const Slice where = sparse->where;
    use_vector_until(where.begin);
    Walk walk(sparse->lists);
    for (begin = where.begin; begin < where.end(); begin += kPiece) {
      const std::size_t inside = begin - where.begin;
      const std::size_t count = std::min(kPiece, where.end() - begin);
      write(walk, sparse->scale, inside, inside + count, memory.data());
      use({begin, count}, Floats(memory).first(count));
      walk.pass(inside + count, [&](std::uint32_t i, float) { memory[i - inside] = 0; });
    }
    begin = where.end();
  }
  use_vector_until(vector_.size());
}

}  // namespace laconic
