# SPDX-License-Identifier: MIT
# Fails when an executable does not export a symbol that a shared library must find in it.
#   cmake -DNM=<nm> -DFILE=<executable> -DSYMBOL=<name> -P GwCheckExport.cmake
execute_process(COMMAND ${NM} -D --defined-only ${FILE} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
if(NOT symbols MATCHES "[0-9a-f]+ T ${SYMBOL}\n")
  message(FATAL_ERROR "${FILE} does not export ${SYMBOL}: libraries will not call ours")
endif()
