#pragma once

#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>

namespace laconic {

/// Guards what only a mistake of ours can break; what users or peers can break gets an Error of its
/// own. Always on: none of these stand in a loop over elements.
inline void check(bool holds, std::string_view what,
                  std::source_location where = std::source_location::current()) {
  if (!holds)
    throw std::logic_error(std::string(where.file_name()) + ":" + std::to_string(where.line()) +
                           ": " + std::string(what));
}

}  // namespace laconic
