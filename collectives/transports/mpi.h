#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "collectives/transport.h"

namespace laconic {

struct MpiOptions {
  double deadline_seconds = 60;  ///< Of every wait.
  /// MPI counts in ints: longer messages go as blocks of this size. Smaller only in tests.
  std::size_t block_bytes = std::size_t{1} << 30;
};

/// True where this process was started by mpirun, srun --mpi=pmix and the like.
bool started_by_mpi();

/// "Open MPI v4.1.4"
std::string mpi_library_version();

/// All of MPI_COMM_WORLD. Initialises MPI (MPI_THREAD_SERIALIZED) and finalises it when destroyed,
/// which waits for all ranks to come so far; at most one in a process.
///
/// MPI cannot cancel, so nothing unwinds: an error, a passed deadline or abort() prints
/// "laconic: rank R: WHY" on stderr and ends the whole job by MPI_Abort, with the error's status.
/// So does an exception that unwinds the transport without an abort().
std::unique_ptr<Transport> make_mpi_transport(const MpiOptions& options = {});

}  // namespace laconic
