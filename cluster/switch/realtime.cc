#include "cluster/switch/realtime.h"

#include <sched.h>

namespace laconic::netlab {

bool ask_for_realtime() {
  sched_param lowest{};
  lowest.sched_priority = sched_get_priority_min(SCHED_RR);
  return sched_setscheduler(0, SCHED_RR, &lowest) == 0;
}

}  // namespace laconic::netlab
