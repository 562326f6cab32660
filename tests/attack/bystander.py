# SPDX-License-Identifier: MIT
"""A client that behaves, in a process of its own so that nothing of the test slows it down: asks for a
small thing again and again until its standard input ends, a line of output for each: when it was done,
how long it took, the status.

    bystander.py PORT PAUSE_S"""
import http.client
import select
import sys
import time


def main(port, pause_s):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    while True:
        start = time.monotonic()
        try:
            connection.request("GET", "/livez")
            answer = connection.getresponse()
            answer.read()
            status = answer.status
        except OSError as e:
            status = repr(e)
            connection.close()
        now = time.monotonic()
        print(now, now - start, status, flush=True)
        if select.select([sys.stdin], [], [], pause_s)[0]:  # its end: nobody listens any more
            return


main(int(sys.argv[1]), float(sys.argv[2]))
