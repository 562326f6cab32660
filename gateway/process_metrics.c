/* SPDX-License-Identifier: MIT */
/* Memory, descriptors and age from /proc/self. */
#include "gateway/process_metrics.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_log.h"
#include "gateway/metrics.h"

enum {
    STATM_SIZE = 128
};

static void collect_memory(void)
{
    char text[STATM_SIZE];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    if (fd >= 0)
        (void)close(fd);
    if (n <= 0)
        return;
    text[n] = '\0';
    const char *resident = strchr(text, ' '); /* size resident shared …, in pages */
    if (resident != NULL)
        gw_metric_set(GW_METRIC_RSS, strtoll(resident, NULL, 10) * sysconf(_SC_PAGESIZE), NULL);
}

static void collect_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    if (dir == NULL)
        return;
    int64_t n = -3; /* ".", "..", and the one that reads */
    while (readdir(dir) != NULL)
        n++;
    (void)closedir(dir);
    gw_metric_set(GW_METRIC_FDS, n, NULL);
}

void gw_process_metrics_collect(void)
{
    static int64_t first_seen_us; /* the process is as old as its first look, nearly */
    if (first_seen_us == 0)
        first_seen_us = gw_clock_mono_us();
    gw_metric_set(GW_METRIC_UPTIME, gw_clock_mono_us() - first_seen_us, NULL);
    static uint64_t counted;
    uint64_t dropped = gw_log_dropped();
    gw_metric_add(GW_METRIC_LOG_DROPPED, dropped - counted, NULL);
    counted = dropped;
    collect_memory();
    collect_fds();
}
