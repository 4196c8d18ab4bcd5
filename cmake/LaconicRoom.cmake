# laconic_room(NAME SOURCES a.cc ... [LINKS other ...] [PRIVATE_LINKS other ...])
#
# A room of the house is one library, laconic_NAME. What it may link is what it may include
# (docs/architecture.md), so a forbidden door also fails to link.
add_library(laconic_warnings INTERFACE)
target_compile_options(laconic_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wswitch -Werror
  -Wno-missing-field-initializers)  # options are given by name; the others have their defaults

function(laconic_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;LINKS;PRIVATE_LINKS" ${ARGN})
  add_library(laconic_${name} STATIC ${ROOM_SOURCES})
  target_include_directories(laconic_${name} PUBLIC ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(laconic_${name} PUBLIC ${ROOM_LINKS}
                        PRIVATE laconic_warnings ${ROOM_PRIVATE_LINKS})
endfunction()
