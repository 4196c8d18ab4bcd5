# laconic_simd: what a room with kernels links, as PRIVATE_LINKS.
#
# They are compiled for AVX-512, AVX2 and one lane at a time; what lies between is too old a machine
# to train on to be worth the compile time. One lane is HWY_SCALAR with every compiler: some would
# take HWY_EMU128 for it.
find_package(HWY REQUIRED)
add_library(laconic_simd INTERFACE)
target_link_libraries(laconic_simd INTERFACE hwy::hwy)
target_compile_definitions(laconic_simd INTERFACE HWY_WANT_AVX3_DL HWY_BROKEN_EMU128=1
                           "HWY_DISABLED_TARGETS=(HWY_SSSE3|HWY_SSE4)")
if(LACONIC_COVERAGE)
  # Of a file that is compiled once for each instruction set, clang maps the last copy alone. So there is
  # one: the same lines, a lane at a time.
  target_compile_definitions(laconic_simd INTERFACE HWY_COMPILE_ONLY_SCALAR)
endif()
