#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

/// The instruction sets that kernels were compiled for: tests hold each against the others, and
/// benchmarks time them apart.
namespace laconic::kernels {

struct Target {
  std::int64_t id;
  std::string_view name;
};

/// Those that this machine can run, best first.
std::vector<Target> supported_targets();

/// The one that kernels run on now.
Target active_target();

/// Makes kernels run on `target` as long as it lives; one at a time, while no kernel runs.
class OnTarget {
 public:
  explicit OnTarget(const Target& target);
  ~OnTarget();
  OnTarget(const OnTarget&) = delete;
  OnTarget& operator=(const OnTarget&) = delete;
};

}  // namespace laconic::kernels
