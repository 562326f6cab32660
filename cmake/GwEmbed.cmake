# SPDX-License-Identifier: MIT
# Puts a file into a target as bytes.
#
#   gw_embed(<target> <file> <symbol>)
#
# defines `const unsigned char <symbol>[]` and `const size_t <symbol>_size`; the target declares them.
function(gw_embed target file symbol)
  file(READ ${CMAKE_SOURCE_DIR}/${file} bytes HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
  set_property(DIRECTORY ${CMAKE_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${file})
  set(source ${CMAKE_BINARY_DIR}/embed/${symbol}.c)
  file(CONFIGURE OUTPUT ${source} CONTENT "/* Made from ${file}. */
#include <stddef.h>
extern const unsigned char ${symbol}[];
extern const size_t ${symbol}_size;
const unsigned char ${symbol}[] = {${bytes}};
const size_t ${symbol}_size = sizeof(${symbol});
")
  target_sources(${target} PRIVATE ${source})
endfunction()
