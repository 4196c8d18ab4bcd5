#pragma once

#include <cstdint>
#include <span>

#include "base/rng.h"
#include "base/scratch.h"

/// Coordinates that are a function of a key: whoever has it draws the same ones. All are exactly
/// uniform: the few words that would favour some numbers are drawn again. compressors/README.md has
/// the rules, which are part of the wire format.
namespace laconic {

/// out.size() different indices below `count`, ascending: each such set is equally likely.
void random_subset(const RngKey& key, std::size_t count, std::span<std::uint32_t> out,
                   Scratch& scratch);

/// How a vector is cut into strata of equal size, or of two sizes one apart.
struct Strata {
  std::uint32_t size;    ///< Of all strata but the first ones.
  std::uint32_t larger;  ///< So many at the begin have one element more.

  Strata(std::size_t count, std::size_t strata)
      : size(static_cast<std::uint32_t>(count / strata)),
        larger(static_cast<std::uint32_t>(count % strata)) {}

  std::uint32_t size_of(std::size_t stratum) const { return size + (stratum < larger ? 1 : 0); }
};

/// One index of each of out.size() strata of `count` elements, ascending, not more strata than
/// elements: each element of a stratum is equally likely, independently of other strata.
void random_of_strata(const RngKey& key, std::size_t count, std::span<std::uint32_t> out);

}  // namespace laconic
