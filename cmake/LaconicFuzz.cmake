# laconic_fuzzer(NAME SOURCES a.cc LINKS room ...)
#
# One decoder's libFuzzer program, bin/fuzz_NAME. Its source defines what tests/fuzz/fuzzer.h asks
# for; tests/fuzz/run finds the program by its name and runs it. The target `fuzzers` builds all.
add_custom_target(fuzzers)

function(laconic_fuzzer name)
  cmake_parse_arguments(FUZZER "" "" "SOURCES;LINKS" ${ARGN})
  add_executable(fuzz_${name} ${FUZZER_SOURCES} ${CMAKE_SOURCE_DIR}/tests/fuzz/main.cc)
  target_include_directories(fuzz_${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(fuzz_${name} PRIVATE ${FUZZER_LINKS} laconic_warnings)
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  add_dependencies(fuzzers fuzz_${name})
endfunction()
