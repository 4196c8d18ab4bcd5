#include "compressors/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compressors/kernels/targets.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace laconic::kernels::HWY_NAMESPACE {

std::int64_t own_target() { return HWY_TARGET; }

}  // namespace laconic::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace laconic::kernels {

HWY_EXPORT(own_target);

std::vector<Target> supported_targets() {
  std::vector<Target> targets;
  for (const std::int64_t id : hwy::SupportedAndGeneratedTargets())
    targets.push_back({id, hwy::TargetName(id)});
  return targets;
}

Target active_target() {
  const std::int64_t id = HWY_DYNAMIC_DISPATCH(own_target)();
  return {id, hwy::TargetName(id)};
}

OnTarget::OnTarget(const Target& target) { hwy::SetSupportedTargetsForTest(target.id); }

OnTarget::~OnTarget() { hwy::SetSupportedTargetsForTest(0); }

}  // namespace laconic::kernels
#endif  // HWY_ONCE
