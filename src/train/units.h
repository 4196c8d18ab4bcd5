#pragma once

#include <string>

namespace laconic {

std::string bytes_text(double bytes);       ///< "980 B", "12.3 kB": powers of 1000.
std::string duration_text(double seconds);  ///< "9.8 s", "43 s", "12 min 05 s", "3 h 02 min".

}  // namespace laconic
