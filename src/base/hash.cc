#include "base/hash.h"

#define XXH_STATIC_LINKING_ONLY  // the state's size
#include <xxhash.h>
#ifdef LACONIC_XXHASH_DISPATCH
#include <xxh_x86dispatch.h>  // the widest registers that the machine has
#endif

namespace laconic {
namespace {

XXH3_state_t* state_in(std::byte* bytes) { return reinterpret_cast<XXH3_state_t*>(bytes); }

}  // namespace

std::uint64_t hash_of(Bytes bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

Hasher::Hasher() {
  static_assert(sizeof state_ >= sizeof(XXH3_state_t) && alignof(XXH3_state_t) <= 64);
  XXH3_64bits_reset(state_in(state_));
}

void Hasher::add(Bytes bytes) { XXH3_64bits_update(state_in(state_), bytes.data(), bytes.size()); }

std::uint64_t Hasher::hash() const {
  return XXH3_64bits_digest(reinterpret_cast<const XXH3_state_t*>(state_));
}

}  // namespace laconic
