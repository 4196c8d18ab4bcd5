#pragma once

#include <exception>
#include <string>
#include <string_view>

namespace laconic {

/// Begins the one line that says why a run ended; `laconic launch` looks for it in what its ranks
/// print.
inline constexpr std::string_view kFailureMark = "laconic: ";

/// Prints "laconic: WHAT" as a line of its own on stderr; returns the exit status.
int report_failure(const std::exception& error) noexcept;

}  // namespace laconic
