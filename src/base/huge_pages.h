#pragma once

#include <cstddef>

namespace laconic {

/// Asks for huge pages where a block of memory has room for some, before it is first touched:
/// passes over many megabytes otherwise spend a quarter of their time on the translation of
/// addresses. Where the system has none, nothing is lost.
void advise_huge_pages(void* memory, std::size_t bytes);

}  // namespace laconic
