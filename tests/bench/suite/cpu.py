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


def own_mb(pid, field):
    """Memory of one process; 0 when it is gone."""
    try:
        lines = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(field + ":")) / 1024


def memory_mb(pid, field="VmRSS"):
    """Resident memory of a process and its descendants."""
    return sum(own_mb(member, field) for member in family(pid))


def peak_mb(pid):
    """The most that a server under its supervisor @pid has had. The supervisor's own peak was before the server began."""
    return sum(own_mb(member, "VmRSS" if member == pid else "VmHWM") for member in family(pid))
