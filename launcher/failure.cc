#include "launcher/failure.h"

#include <cstdio>

#include "base/errors.h"

namespace laconic {

int report_failure(const std::exception& error) noexcept {
  std::fflush(stdout);
  std::fprintf(stderr, "%s%s\n", kFailureMark.data(), error.what());
  std::fflush(stderr);
  return static_cast<int>(status_of(error));
}

}  // namespace laconic
