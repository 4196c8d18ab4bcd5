# laconic_test(NAME SOURCES a.cc ... LINKS room ... [LABELS unit|threads|mpi|system ...] [WAITS])
#
# One executable, one ctest entry, labelled by tier (docs/architecture.md); "unit" by default. A unit
# test keeps one processor busy, ranks keep two. WAITS: it mostly waits for deadlines, so that others may
# compute beside it.
find_package(GTest REQUIRED)

set(LACONIC_TEST_SECONDS 300)
if(LACONIC_SANITIZE)
  set(LACONIC_TEST_SECONDS 1200)  # sanitizers cost a factor of 3 to 15
endif()

function(laconic_test name)
  cmake_parse_arguments(TEST "WAITS" "" "SOURCES;LINKS;LABELS" ${ARGN})
  if(NOT TEST_LABELS)
    set(TEST_LABELS unit)
  endif()
  set(processors 2)
  if(TEST_WAITS OR TEST_LABELS STREQUAL unit)
    set(processors 1)
  endif()
  add_executable(${name} ${TEST_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${TEST_LINKS} laconic_warnings GTest::gtest GTest::gmock
                        GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${TEST_LABELS}"
                       TIMEOUT ${LACONIC_TEST_SECONDS} PROCESSORS ${processors})
endfunction()

# laconic_mpi_test(NAME RANKS 2 4 ...): runs the executable of that name under mpirun too. Its main()
# is its own (it makes an MPI transport).
function(laconic_mpi_test name)
  cmake_parse_arguments(TEST "" "" "RANKS" ${ARGN})
  foreach(n IN LISTS TEST_RANKS)
    add_test(NAME ${name}_np${n}
             COMMAND mpirun --oversubscribe --allow-run-as-root -np ${n} $<TARGET_FILE:${name}>)
    set_tests_properties(${name}_np${n} PROPERTIES LABELS mpi TIMEOUT 300 PROCESSORS 2)
  endforeach()
endfunction()
