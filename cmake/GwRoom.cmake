# SPDX-License-Identifier: MIT
# A room is one folder of the floor plan (docs/architecture.md) and one static library.
#
#   gw_room(<target> DIR <folder> [USES <room>...] [PRIVATE_USES <room>...] [LIBS <library>...])
#
# Its headers are visible only to rooms that name it: each room gets an include root of its own that
# holds nothing but a link to its folder, so an #include against the plan does not compile.
# USES also shows the other room's headers to whoever uses this one; PRIVATE_USES does not.
function(gw_room target)
  cmake_parse_arguments(ROOM "" "DIR" "USES;PRIVATE_USES;LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${ROOM_DIR}/*.c ${CMAKE_SOURCE_DIR}/${ROOM_DIR}/*/*.c)
  if(ROOM_DIR STREQUAL "gateway")
    list(FILTER sources EXCLUDE REGEX "/gateway/(base/.*|main|cli|cli_[a-z_]+)\\.c$")
  endif()
  if(NOT sources)
    set(sources ${CMAKE_SOURCE_DIR}/gateway/base/gw_status.c)
  endif()
  add_library(${target} STATIC ${sources})
  set(root ${CMAKE_BINARY_DIR}/rooms/${target})
  get_filename_component(parent ${ROOM_DIR} DIRECTORY)
  file(MAKE_DIRECTORY ${root}/${parent})
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${ROOM_DIR} ${root}/${ROOM_DIR} SYMBOLIC)
  target_include_directories(${target} PUBLIC ${root})
  target_link_libraries(${target} PUBLIC gw_flags ${ROOM_USES} PRIVATE ${ROOM_PRIVATE_USES} ${ROOM_LIBS})
endfunction()
