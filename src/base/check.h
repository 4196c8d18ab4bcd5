#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace laconic {

/// Guards what only a mistake of ours can break; what users or peers can break gets an Error of its
/// own. Always on: none of these stand in a loop over elements. (std::source_location would say
/// where, but the compiler that builds the fuzzers does not know it yet.)
inline void check(bool holds, std::string_view what, const char* file = __builtin_FILE(),
                  int line = __builtin_LINE()) {
  if (!holds)
    throw std::logic_error(std::string(file) + ":" + std::to_string(line) + ": " +
                           std::string(what));
}

}  // namespace laconic
