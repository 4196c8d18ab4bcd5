// Perm-k (Szlendak, Tyurin, Richtárik, ICLR 2022): one permutation that all ranks share deals the
// coordinates out among them, and each sends its own, times the number of ranks. Each rank's frame
// is unbiased; and since every coordinate is sent by exactly one rank, the average of all is exact
// where ranks agree.
//
//   place := rank:u32 ranks:u32
//
// The permutation is dealt out M coordinates at a time, M being the number of ranks: a rotation of
// them, by a number that the key gives, tells whose each is. Each coordinate then is each rank's
// with probability 1/M, and since the error of an average is a sum over coordinates, it is in
// expectation that of a permutation drawn from all; but a rank needs one random number for each
// coordinate that it sends, and finds them in order.
#include <limits>

#include "base/check.h"
#include "base/errors.h"
#include "compressors/kernels/random_indices.h"
#include "compressors/keyed.h"
#include "compressors/makers.h"
#include "compressors/wire/endian.h"

namespace laconic {
namespace {

class PermK final : public KeyedCompressor {
 public:
  PermK(const PermKOptions& options, const FrameOptions& frame)
      : KeyedCompressor(wire::Selection::perm_k, true,
                        make_value_codec(options.values, options.unbiased ? Rounding::stochastic
                                                                          : Rounding::nearest),
                        frame),
        ranks_(static_cast<std::size_t>(options.ranks)),
        unbiased_(options.unbiased) {}

  std::string_view name() const override { return "perm_k"; }

  Guarantee guarantee(std::size_t count) const override {
    const auto m = static_cast<double>(ranks_);
    return compose_values(
        unbiased_ ? Guarantee{m - 1, 0} : Guarantee{std::numeric_limits<double>::infinity(), 1 / m},
        count);
  }

 protected:
  std::size_t place_bytes() const override { return 8; }

  void write_place(const Site& site, std::byte* out) const override {
    check(static_cast<std::size_t>(site.rank) < ranks_, "perm_k was made for fewer ranks");
    wire::store(out, static_cast<std::uint32_t>(site.rank));
    wire::store(out + 4, static_cast<std::uint32_t>(ranks_));
  }

  std::size_t most_kept(std::size_t count) const override { return (count + ranks_ - 1) / ranks_; }

  // Of the last group, which may be short, a rank may get none.
  std::span<const std::uint32_t> draw(const RngKey& key, const wire::Section& place,
                                      std::size_t count, Scratch& scratch) const override {
    const auto rank = wire::load<std::uint32_t>(&place.bytes[0]);
    const auto ranks = wire::load<std::uint32_t>(&place.bytes[4]);
    if (ranks != ranks_ || rank >= ranks) throw WireError(place.offset, "no rank of this group");
    const auto indices = scratch.take<std::uint32_t>(most_kept(count));
    random_of_strata(key, indices.size() * ranks, indices);
    std::uint32_t end = 0;
    for (std::uint32_t& index : indices) {
      end += ranks;
      index += rank;
      index -= index >= end ? ranks : 0;
    }
    const bool last = !indices.empty() && indices.back() < count;
    return indices.first(indices.size() - (last || indices.empty() ? 0 : 1));
  }

  void scale(MutFloats values, std::size_t) const override {
    if (!unbiased_) return;
    const auto factor = static_cast<float>(ranks_);
    for (float& value : values) value = factor * value;
  }

 private:
  std::size_t ranks_;
  bool unbiased_;
};

}  // namespace

std::unique_ptr<const Compressor> make_perm_k(const PermKOptions& options,
                                              const FrameOptions& frame) {
  constexpr int kMostRanks = 1 << 20;
  if (options.ranks < 1 || options.ranks > kMostRanks)
    throw ConfigError("ranks", "a number from 1 to 1048576");
  return std::make_unique<const PermK>(options, frame);
}

}  // namespace laconic
