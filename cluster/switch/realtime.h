#pragma once

namespace laconic::netlab {

/// Puts this process before all that are not realtime: a frame that waits for a processor is a
/// frame on a longer cable. False where the user may not.
bool ask_for_realtime();

}  // namespace laconic::netlab
