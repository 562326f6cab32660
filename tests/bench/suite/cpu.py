# SPDX-License-Identifier: MIT
"""What processes cost: CPU and memory, from the kernel's own accounting."""
import os
import pathlib

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
PPID_FIELD, UTIME_FIELD = 3, 13  # of /proc/PID/stat, counted from 0 (proc(5))


def stat_fields(pid):
    """The fields of /proc/PID/stat; the command may hold spaces, so it counts as one."""
    text = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    head, tail = text.rsplit(")", 1)
    return [head.split(" ", 1)[0], head] + tail.split()


def family(pid):
    """A process and all its descendants that live."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                parents[int(entry)] = int(stat_fields(entry)[PPID_FIELD])
            except (FileNotFoundError, ProcessLookupError):
                continue
    found = [pid]
    for member in found:
        found += [child for child, parent in parents.items() if parent == member]
    return found


def cpu_seconds(pid):
    """User and system time of a process, its descendants, and the children they have reaped."""
    total = 0
    for member in family(pid):
        try:
            total += sum(int(f) for f in stat_fields(member)[UTIME_FIELD:UTIME_FIELD + 4])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total / CLOCK_TICKS


def memory_mb(pid, field="VmRSS"):
    """Resident memory of a process and its descendants; VmHWM for the highest so far."""
    total = 0
    for member in family(pid):
        try:
            lines = pathlib.Path(f"/proc/{member}/status").read_text(encoding="ascii").splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith(field + ":"))
    return total / 1024
