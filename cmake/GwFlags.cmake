# SPDX-License-Identifier: MIT
# Compiler and linker flags of every target, as one interface library.
option(GW_WERROR "Treat warnings as errors" OFF)
option(GW_HARDEN "Hardening flags" OFF)
option(GW_FAILPOINTS "Named failpoints, for tests only (gateway/base/gw_failpoint.h)" OFF)
option(GW_FUZZ "Build libFuzzer targets (clang)" OFF)
set(GW_SANITIZE "" CACHE STRING "Comma-separated -fsanitize= list")

add_library(gw_flags INTERFACE)
target_compile_definitions(gw_flags INTERFACE _GNU_SOURCE)
target_compile_options(gw_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
    -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wnested-externs
    -Wpointer-arith -Wcast-align -Wcast-qual -Wwrite-strings -Wvla -Wundef
    -Wformat=2 -Wimplicit-fallthrough -Wswitch-enum -Wfloat-equal -Wredundant-decls
    -Wdouble-promotion -Wdate-time -fno-common -fvisibility=hidden -fno-strict-aliasing
    $<$<C_COMPILER_ID:GNU>:-Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wjump-misses-init -Wformat-signedness>
    $<$<C_COMPILER_ID:Clang>:-Wcomma -Wassign-enum -Wconditional-uninitialized -Wshorten-64-to-32>
    $<$<BOOL:${GW_WERROR}>:-Werror>)
if(GW_SANITIZE)
  target_compile_options(gw_flags INTERFACE -fsanitize=${GW_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(gw_flags INTERFACE -fsanitize=${GW_SANITIZE})
endif()
if(GW_FAILPOINTS)
  target_compile_definitions(gw_flags INTERFACE GW_FAILPOINTS)
endif()
if(GW_FUZZ)
  target_compile_options(gw_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(GW_HARDEN)
  target_compile_options(gw_flags INTERFACE -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
      -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE)
  target_link_options(gw_flags INTERFACE -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed)
endif()
