// What libFuzzer calls, around a target (fuzzer.h).
//
//   fuzz_NAME --seeds FOLDER   writes the seeds and ends; all else is as libFuzzer has it
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "tests/fuzz/fuzzer.h"

namespace laconic::fuzz {
namespace {

bool write_seeds(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  int number = 0;
  for (const Input& seed : seeds()) {
    std::ofstream out(folder / ("seed-" + std::to_string(number++)), std::ios::binary);
    out.write(reinterpret_cast<const char*>(seed.data()),
              static_cast<std::streamsize>(seed.size()));
    if (!out.flush()) return false;
  }
  return number > 0;
}

}  // namespace

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

}  // namespace laconic::fuzz

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  if (*argc == 3 && std::string_view((*argv)[1]) == "--seeds")
    std::exit(laconic::fuzz::write_seeds((*argv)[2]) ? EXIT_SUCCESS : EXIT_FAILURE);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  laconic::fuzz::run(std::as_bytes(std::span(data, size)));
  return 0;
}
