#pragma once

#include <nlohmann/json.hpp>

#include "collectives/link_model.h"

namespace laconic::bench {

/// Seconds and bytes a second; null where there is no bound. Links by sender, then receiver.
nlohmann::ordered_json json_of(const LinkModel& links);

}  // namespace laconic::bench
