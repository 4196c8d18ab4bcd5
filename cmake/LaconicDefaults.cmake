# Language, warnings and build type for every target of ours.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

# Bits must not depend on where the compiler chose to contract a multiply and an add:
# a fused multiply-add is written out where it is wanted.
add_compile_options(-ffp-contract=off -fno-math-errno)
if(LACONIC_SANITIZE)
  add_compile_options(-fsanitize=${LACONIC_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${LACONIC_SANITIZE})
endif()
if(LACONIC_FUZZERS)
  # Counts edges for libFuzzer; only the fuzzers themselves are linked with its main().
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(LACONIC_COVERAGE)
  add_compile_options(-fprofile-instr-generate -fcoverage-mapping)
  add_link_options(-fprofile-instr-generate)
endif()
