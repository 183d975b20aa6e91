"""Namespaces of the kernel in which a program has no network but loopback, and sees nothing of this repository."""

import fcntl
import os
import socket
import struct
import subprocess
import sys

ENTERED = "OUTRIDER_FIRST_MINUTE_ENTERED"
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


def enter():
    """Executes this program again in new namespaces, unless it is in them."""
    if os.environ.pop(ENTERED, None):
        return
    os.environ[ENTERED] = "1"
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    os.execvp("unshare", ["unshare", *as_root, "--net", "--mount", sys.executable, *sys.argv])


def bring_loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        flags = struct.unpack_from("16xh", fcntl.ioctl(any_socket, SIOCGIFFLAGS, struct.pack("16s16x", b"lo")))[0]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


def hide(folder, kept):
    """Every folder in this one is empty from now on, apart from `kept`, for this process and those that it starts."""
    for child in folder.iterdir():
        if child.is_symlink() or not child.is_dir() or child == kept:
            continue
        if kept.is_relative_to(child):
            hide(child, kept)
        else:
            subprocess.run(["mount", "-t", "tmpfs", "none", child], check=True)
            assert not os.listdir(child)
