/* SPDX-License-Identifier: MIT */
/* The supervisor process. One poll() over its signals and the child's pipe; no memory of its own,
 * no thread, nothing that can go wrong by itself. */
#include "gateway/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_log.h"
#include "gateway/notify.h"

enum {
    SIGNAL_STATUS = 128 /* exit code of a child killed by signal n is this + n */
};

struct supervisor {
    int (*run)(void *);
    void *data;
    sigset_t signals; /* those we handle, blocked in this process */
    sigset_t before;  /* the mask to give to the child */
    int signal_fd;
    pid_t child; /* 0: none */
    int pipe;    /* what the child tells; -1: it has closed it */
    int64_t started_ms;
    unsigned n_early; /* children in a row that died young */
    bool was_ready;   /* some child was, ever */
    bool ending;      /* a signal asked for the end */
    int status;       /* of the last child, as an exit code */
};

int64_t gw_supervisor_delay_ms(unsigned n_early)
{
    int64_t delay = n_early == 0 ? 0 : GW_SUPERVISOR_FIRST_DELAY_MS;
    for (unsigned i = 1; i < n_early && delay < GW_SUPERVISOR_MAX_DELAY_MS; i++)
        delay *= 2;
    return delay < GW_SUPERVISOR_MAX_DELAY_MS ? delay : GW_SUPERVISOR_MAX_DELAY_MS;
}

static _Noreturn void be_child(const struct supervisor *s, pid_t parent, const int fds[2])
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it died before the line above */
        _exit(EXIT_FAILURE);
    (void)close(fds[0]);
    (void)close(s->signal_fd);
    (void)pthread_sigmask(SIG_SETMASK, &s->before, NULL);
    gw_notify_use_pipe(fds[1]);
    exit(s->run(s->data)); /* every thread of it has ended */
}

static void start_child(struct supervisor *s)
{
    int fds[2];
    pid_t parent = getpid();
    CHECK(pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
    s->started_ms = gw_clock_mono_ms();
    s->child = fork();
    if (s->child == 0)
        be_child(s, parent, fds);
    (void)close(fds[1]);
    s->pipe = fds[0];
    if (s->child < 0) { /* out of processes or memory: as if it had died at once */
        gw_log(GW_LOG_ERROR, "fork_failed", GW_LOG_STR("error", strerrordesc_np(errno)));
        s->child = 0;
        s->n_early++;
    }
}

/* What the child tells goes to the service manager; READY=1 is for us, too. False: nothing more to
 * read now. */
static bool on_pipe(struct supervisor *s)
{
    char text[GW_NOTIFY_MAX + 1];
    ssize_t n = read(s->pipe, text, sizeof(text) - 1);
    if (n <= 0)
        return false;
    text[n] = '\0';
    s->was_ready = s->was_ready || strstr(text, "READY=1") != NULL;
    gw_notify(text);
    return true;
}

static void close_pipe(struct supervisor *s)
{
    if (s->pipe >= 0)
        (void)close(s->pipe);
    s->pipe = -1;
}

static void on_child_ended(struct supervisor *s, int status)
{
    bool killed = WIFSIGNALED(status);
    int64_t lived_ms = gw_clock_mono_ms() - s->started_ms;
    while (on_pipe(s)) { /* its last words */
    }
    close_pipe(s);
    s->child = 0;
    s->status = killed ? SIGNAL_STATUS + WTERMSIG(status) : WEXITSTATUS(status);
    s->n_early = lived_ms >= GW_SUPERVISOR_STEADY_MS ? 0 : s->n_early + 1;
    /* It ended on purpose when asked to, or with success; before it was ever ready the operator has
     * something to mend. */
    s->ending = s->ending || !s->was_ready || s->status == EXIT_SUCCESS;
    if (!s->ending || killed)
        gw_log(GW_LOG_ERROR, "server_died",
               GW_LOG_STR("how", killed ? sigdescr_np(WTERMSIG(status)) : "exit"),
               GW_LOG_NUM("status", s->status), GW_LOG_NUM("lived_ms", lived_ms),
               GW_LOG_STR("next", s->ending ? "end" : "start again"));
}

/* Ours, and orphans that were handed to us (in a container we may be process 1). */
static void reap(struct supervisor *s)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        if (pid == s->child)
            on_child_ended(s, status);
}

static void on_signal(struct supervisor *s)
{
    struct signalfd_siginfo info;
    if (read(s->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return;
    int signum = (int)info.ssi_signo;
    if (signum == SIGCHLD) {
        reap(s);
        return;
    }
    s->ending = s->ending || signum == SIGTERM || signum == SIGINT || signum == SIGQUIT;
    /* What a terminal sends, the child got itself. */
    if (s->child > 0 && info.ssi_code != SI_KERNEL)
        (void)kill(s->child, signum);
}

/* Until the child is gone, or @until_ms (monotonic; 0: no limit). */
static void watch(struct supervisor *s, int64_t until_ms)
{
    for (;;) {
        int64_t left = until_ms == 0 ? -1 : until_ms - gw_clock_mono_ms();
        if ((until_ms == 0 && s->child == 0) || (until_ms != 0 && (left <= 0 || s->ending)))
            return;
        struct pollfd fds[] = {{.fd = s->signal_fd, .events = POLLIN},
                               {.fd = s->pipe, .events = POLLIN}};
        if (poll(fds, 2, (int)left) < 0)
            continue;
        if (fds[1].revents != 0 && !on_pipe(s))
            close_pipe(s);
        if (fds[0].revents != 0)
            on_signal(s);
    }
}

static int forget_object(struct dl_phdr_info *object, size_t size, void *data)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    (void)size;
    (void)data;
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || (part->p_flags & PF_W) != 0)
            continue;
        uintptr_t from = (object->dlpi_addr + part->p_vaddr) & ~(page - 1);
        uintptr_t to = object->dlpi_addr + part->p_vaddr + part->p_memsz;
        /* NOLINTNEXTLINE(performance-no-int-to-ptr): that is what the loader tells */
        (void)madvise((void *)from, to - from, MADV_DONTNEED);
    }
    return 0;
}

/* The code of the program and its libraries was mapped for the child's sake. What is never written
 * to comes back from the files when it is needed; waiting needs little of it. */
static void forget_code(void)
{
    (void)dl_iterate_phdr(forget_object, NULL);
}

int gw_supervise(int (*run)(void *data), void *data)
{
    static const int handled[] = {SIGCHLD, SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2};
    struct supervisor s = {.run = run, .data = data, .pipe = -1};
    (void)sigemptyset(&s.signals);
    for (size_t i = 0; i < sizeof(handled) / sizeof(handled[0]); i++)
        (void)sigaddset(&s.signals, handled[i]);
    CHECK(pthread_sigmask(SIG_BLOCK, &s.signals, &s.before) == 0);
    s.signal_fd = signalfd(-1, &s.signals, SFD_CLOEXEC | SFD_NONBLOCK);
    CHECK(s.signal_fd >= 0);
    while (!s.ending) {
        int64_t delay_ms = gw_supervisor_delay_ms(s.n_early > 0 ? s.n_early - 1 : 0);
        if (delay_ms > 0)
            watch(&s, gw_clock_mono_ms() + delay_ms);
        if (s.ending)
            break;
        start_child(&s);
        forget_code();
        watch(&s, 0);
    }
    (void)close(s.signal_fd);
    CHECK(pthread_sigmask(SIG_SETMASK, &s.before, NULL) == 0);
    return s.status;
}
