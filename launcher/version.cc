// `laconic version`: what is in this build.
#include <iostream>

#include "collectives/transports/mpi.h"
#include "launcher/build_info.h"
#include "launcher/commands.h"
#include "nn/classifier.h"

namespace laconic {

void add_version(CLI::App& app, Action& chosen) {
  CLI::App* sub = app.add_subcommand("version", "Say what is in this build");
  sub->callback([&chosen] {
    chosen = [] {
      std::cout << "laconic   " << kVersion << "\n"
                << "compiler  " << kCompiler << ", " << kBuildType << "\n"
                << "LibTorch  " << libtorch_version() << "\n"
                << "MPI       " << mpi_library_version() << "\n"
                << "CUDA      " << kCuda << "\n"
                << "NCCL      " << kNccl << "\n";
      return ExitStatus::done;
    };
  });
}

}  // namespace laconic
