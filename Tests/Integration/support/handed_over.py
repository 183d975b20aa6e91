"""A server that is started with open sockets."""

import sys


# Duplicates the descriptors of its first argument to 3, 4, …, and executes the rest of its arguments.
PASS = """
import os, sys
sources = [int(word) for word in sys.argv[1].split(",")]
copies = [os.dup(fd) for fd in sources]
for place, fd in enumerate(copies):
    os.dup2(fd, 100 + place)
for place in range(len(copies)):
    os.dup2(100 + place, 3 + place, inheritable=True)
    os.close(100 + place)
if sys.argv[2]:
    os.environ["LISTEN_PID"] = str(os.getpid())
    os.environ["LISTEN_FDS"] = str(len(copies))
    if sys.argv[2] != "-":
        os.environ["LISTEN_FDNAMES"] = sys.argv[2]
os.execv(sys.argv[3], sys.argv[3:])
"""


def passing(*sockets, names="-"):
    """Options of a server that is started with these sockets from 3 on; names="" passes them without systemd's
    protocol."""
    numbers = ",".join(str(each.fileno()) for each in sockets)
    return {
        "pass_fds": [each.fileno() for each in sockets],
        "launcher": [sys.executable, "-c", PASS, numbers, names],
        "bind": False,
    }
