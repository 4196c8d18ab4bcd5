#pragma once

#include <memory>

#include "collectives/transport.h"

namespace laconic {

struct MpiOptions {
  double deadline_seconds = 60;  ///< Of every wait.
};

/// True where this process was started by mpirun, srun --mpi=pmix and the like.
bool started_by_mpi();

/// All of MPI_COMM_WORLD. Initialises MPI (MPI_THREAD_SERIALIZED) and finalises it when destroyed;
/// at most one in a process. MPI cannot cancel: a deadline or abort() logs the cause on stderr, as
/// the last line of this rank, and ends the whole job by MPI_Abort.
std::unique_ptr<Transport> make_mpi_transport(const MpiOptions& options = {});

}  // namespace laconic
