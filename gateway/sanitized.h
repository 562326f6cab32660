/* SPDX-License-Identifier: MIT */
/* Whether this build has a sanitizer in it, which looks into its own process with ptrace. */
#ifndef GW_SANITIZED_H
#define GW_SANITIZED_H

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define GW_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#undef GW_SANITIZED
#define GW_SANITIZED 1
#endif
#ifndef GW_SANITIZED
#define GW_SANITIZED 0
#endif

#endif
