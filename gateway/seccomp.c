/* SPDX-License-Identifier: MIT */
/* The list of system calls that the server process keeps, and the kernel filter made from it.
 *
 * What is not listed fails with ENOSYS, as on an older kernel: libraries then use what they had
 * before. There is no way from here to another program (execve), another process's memory (ptrace,
 * process_vm_*), the system's settings, file systems or modules. The names are in
 * docs/operations.md; a test compares.
 *
 * Spec: Linux seccomp(2), classic BPF. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gateway/base/gw_check.h"
#include "gateway/hardening.h"
#include "gateway/sanitized.h"

#if defined(__x86_64__)
#define OUR_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCH AUDIT_ARCH_AARCH64
#endif

/* clang-format off */
#define CALL(name) {#name, __NR_##name}

static const struct call {
    const char *name;
    unsigned nr;
} calls[] = {
    /* memory: malloc, stacks, libraries loaded on demand, SQLite's shared memory */
    CALL(brk), CALL(madvise), CALL(mincore), CALL(mmap), CALL(mprotect), CALL(mremap),
    CALL(munmap), CALL(membarrier),
    /* threads and signals */
    CALL(clone), CALL(clone3), CALL(exit), CALL(exit_group), CALL(futex), CALL(get_robust_list),
    CALL(set_robust_list), CALL(set_tid_address), CALL(rseq), CALL(gettid), CALL(getpid),
    CALL(getppid), CALL(tgkill), CALL(restart_syscall), CALL(rt_sigaction), CALL(rt_sigprocmask),
    CALL(rt_sigreturn), CALL(rt_sigtimedwait), CALL(rt_sigpending), CALL(sigaltstack),
    CALL(sched_getaffinity), CALL(sched_setaffinity), CALL(sched_yield), CALL(sched_getparam),
    CALL(sched_getscheduler), CALL(getpriority), CALL(setpriority), CALL(wait4), CALL(getcpu),
    /* time */
    CALL(clock_getres), CALL(clock_gettime), CALL(clock_nanosleep), CALL(nanosleep),
    CALL(gettimeofday), CALL(times), CALL(timerfd_create), CALL(timerfd_settime),
    CALL(timerfd_gettime),
    /* waiting for events */
    CALL(epoll_create1), CALL(epoll_ctl), CALL(epoll_pwait), CALL(epoll_pwait2), CALL(eventfd2),
    CALL(ppoll), CALL(pselect6), CALL(pipe2), CALL(signalfd4),
    /* sockets */
    CALL(accept), CALL(accept4), CALL(bind), CALL(connect), CALL(getpeername), CALL(getsockname),
    CALL(getsockopt), CALL(listen), CALL(recvfrom), CALL(recvmmsg), CALL(recvmsg), CALL(sendmmsg),
    CALL(sendmsg), CALL(sendto), CALL(setsockopt), CALL(shutdown), CALL(socket), CALL(socketpair),
    /* files: configuration, keys, the store and its locks */
    CALL(close), CALL(close_range), CALL(dup), CALL(dup3), CALL(faccessat), CALL(faccessat2),
    CALL(fadvise64), CALL(fallocate), CALL(fchmod), CALL(fchmodat), CALL(fchown), CALL(fcntl),
    CALL(fdatasync), CALL(flock), CALL(fstat), CALL(fstatfs), CALL(fsync), CALL(ftruncate),
    CALL(getcwd), CALL(getdents64), CALL(ioctl), CALL(lseek), CALL(mkdirat), CALL(newfstatat),
    CALL(openat), CALL(pread64), CALL(preadv), CALL(pwrite64), CALL(pwritev), CALL(read),
    CALL(readahead), CALL(readlinkat), CALL(readv), CALL(renameat), CALL(renameat2), CALL(statfs),
    CALL(statx), CALL(sync_file_range), CALL(umask), CALL(unlinkat), CALL(utimensat), CALL(write),
    CALL(writev), CALL(inotify_add_watch), CALL(inotify_init1), CALL(inotify_rm_watch),
    /* who and where we are */
    CALL(getegid), CALL(geteuid), CALL(getgid), CALL(getgroups), CALL(getpgid), CALL(getrandom),
    CALL(getresgid), CALL(getresuid), CALL(getrusage), CALL(getsid), CALL(getuid), CALL(prctl),
    CALL(prlimit64), CALL(sysinfo), CALL(uname),
#ifdef __x86_64__ /* older forms that newer architectures do not have */
    CALL(access), CALL(arch_prctl), CALL(chmod), CALL(dup2), CALL(epoll_create), CALL(epoll_wait),
    CALL(eventfd), CALL(getdents), CALL(getpgrp), CALL(getrlimit), CALL(lstat), CALL(mkdir),
    CALL(open), CALL(pipe), CALL(poll), CALL(readlink), CALL(rename), CALL(rmdir), CALL(select),
    CALL(setrlimit), CALL(stat), CALL(time), CALL(unlink),
#endif
#if GW_SANITIZED /* the leak detector looks at its own threads */
    CALL(ptrace), CALL(process_vm_readv), CALL(personality), CALL(setitimer),
#endif
};
/* clang-format on */

enum {
    N_CALLS = sizeof(calls) / sizeof(calls[0]),
    N_HEAD = 5,
    N_TAIL = 2,
    X32_BIT = 0x40000000 /* the other numbering that x86-64 kernels take: never ours */
};

const char *gw_seccomp_name(size_t i)
{
    return i < N_CALLS ? calls[i].name : NULL;
}

#ifdef OUR_ARCH

enum gw_status gw_seccomp_enable(struct gw_err *err)
{
    static struct sock_filter program[N_HEAD + N_CALLS + N_TAIL];
    _Static_assert(N_CALLS < 250, "a jump reaches 255 instructions");
    const struct sock_filter head[N_HEAD] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCH, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, N_CALLS, 0),
    };
    const struct sock_filter tail[N_TAIL] = {
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    memcpy(program, head, sizeof(head));
    for (unsigned i = 0; i < N_CALLS; i++) /* found: over the rest of the list, to the last line */
        program[N_HEAD + i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i].nr,
                                                           (unsigned char)(N_CALLS - i), 0);
    memcpy(program + N_HEAD + N_CALLS, tail, sizeof(tail));
    struct sock_fprog prog = {.len = N_HEAD + N_CALLS + N_TAIL, .filter = program};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &prog) != 0)
        return gw_err_set(err, GW_UNSUPPORTED, "seccomp: %s", strerrordesc_np(errno));
    return GW_OK;
}

#else

enum gw_status gw_seccomp_enable(struct gw_err *err)
{
    return gw_err_set(err, GW_UNSUPPORTED, "seccomp: no list for this processor");
}

#endif
