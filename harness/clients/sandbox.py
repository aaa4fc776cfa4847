"""
Starts a command that nothing of outlives, on Linux; where the system allows it in a network, and with process ids, of its own.

It is a program of the standard library alone, run beside the harness so that no thread of it is forked:
``sandbox.py MODE CONTROL PORT KEPT COMMAND...``.  In the mode ``apart`` it makes a user, network, PID and mount namespace,
listens there on ``127.0.0.1:PORT``, and hands that socket over on the Unix socket ``CONTROL``; in the mode ``beside`` it
does none of this, and ``CONTROL`` is nothing.  ``KEPT`` are the descriptors that the command gets, with commas between.  It ends when the command
does, at SIGTERM, or with whoever started it, and ends all that the command started: in ``apart`` the kernel does, and
elsewhere orphans become its children (PR_SET_CHILD_SUBREAPER), so that a session of their own does not help them.

What ``apart`` promises: no packet leaves, by whatever language or protocol, and abstract Unix sockets are out of reach;
so are the environment and memory of processes outside, which can't be signalled either; and services that would resolve
names or run containers on its behalf, by the sockets of ``_SERVICES``.  What it does not: other sockets that are files,
and files themselves, are as much within reach as whoever runs the harness has them.
"""

import contextlib
import ctypes
import fcntl
import os
import resource
import signal
import socket
import struct
import sys
from collections.abc import Callable, Sequence

_NEWNS, _NEWUSER, _NEWPID, _NEWNET = 0x00020000, 0x10000000, 0x20000000, 0x40000000
_PDEATHSIG, _CAPBSET_DROP, _SUBREAPER, _NO_NEW_PRIVS = 1, 24, 36, 38
_SETFLAGS, _UP = 0x8914, 0x1  # SIOCSIFFLAGS, IFF_UP
_NOSUID, _NODEV, _NOEXEC, _BIND = 2, 4, 8, 4096
_LAST_CAPABILITY = 63
_MEMORY = 4 << 30
"""Bytes of data that a process of the command may have."""

_SERVICES = (
    "/run/systemd", "/run/nscd", "/run/dbus", "/run/user", "/run/avahi-daemon", "/run/docker.sock", "/run/podman",
    "/run/containerd", "/run/snapd.socket",
)  # fmt: skip
"""Where services listen that reach the network, or start programs, for others."""

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Run the command; see above."""
    mode, control, port, kept, *command = sys.argv[1:]
    descriptors = [int(one) for one in kept.split(",") if one.isdecimal()]
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, signal.SIGTERM})
    _prctl(_PDEATHSIG, signal.SIGTERM)
    if mode == "apart":
        with socket.socket(fileno=int(control)) as told:
            try:
                leave(int(port), told)
            except OSError as error:
                told.sendall(f"{error.filename or 'namespaces'}: {error.strerror}".encode())
                return
        child = _started(lambda: _be_first(command, descriptors))
    else:
        _prctl(_SUBREAPER, 1)
        child = _started(lambda: _become(command))
    for one in descriptors:
        os.close(one)
    _wait(child)
    end_all()


def leave(port: int, told: socket.socket) -> None:
    """Move into namespaces of its own, and hand over a socket that listens there; raises OSError where it may not."""
    user, group = os.getuid(), os.getgid()
    _call("unshare", _NEWUSER | _NEWNET | _NEWPID | _NEWNS)
    for name, content in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:  # noqa: PTH123 - pathlib takes long to import
            file.write(content)
    for path in _SERVICES:
        _cover(path)
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, _SETFLAGS, struct.pack("16sH14x", b"lo", _UP))
    with socket.create_server(("127.0.0.1", port), backlog=128) as listening:
        socket.send_fds(told, [b"ok"], [listening.fileno()])


def _cover(path: str) -> None:
    """Put an empty folder or nothing in the place of a service's socket, or the folder of it."""
    if os.path.isdir(path):  # noqa: PTH112
        _call("mount", b"none", path.encode(), b"tmpfs", _NOSUID | _NODEV | _NOEXEC, b"size=0,mode=0555")
    elif os.path.exists(path):  # noqa: PTH110
        _call("mount", b"/dev/null", path.encode(), None, _BIND, None)


def _be_first(command: list[str], descriptors: Sequence[int]) -> None:
    """Be the first process of a PID namespace: with it all others of the namespace end, at once and by the kernel."""
    _prctl(_PDEATHSIG, signal.SIGKILL)
    _call("unshare", _NEWNS)  # whoever started this one goes on seeing its own /proc
    with contextlib.suppress(OSError):  # a container may hide parts of /proc, and then no other can be had
        _call("mount", b"proc", b"/proc", b"proc", _NOSUID | _NODEV | _NOEXEC, None)
    child = _started(lambda: _become(command))
    for one in descriptors:
        os.close(one)
    _wait(child)


def _become(command: list[str]) -> None:
    """Become the command, with no right that its user does not have."""
    _prctl(_PDEATHSIG, signal.SIGKILL)
    _prctl(_NO_NEW_PRIVS, 1)
    for capability in range(_LAST_CAPABILITY + 1):
        _libc.prctl(_CAPBSET_DROP, capability, 0, 0, 0)  # fails for one that there is not, and for who has none
    for limit, least in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_DATA, _MEMORY)):
        most = resource.getrlimit(limit)[1]
        wanted = least if most == resource.RLIM_INFINITY else min(least, most)
        resource.setrlimit(limit, (wanted, wanted))
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


def _started(work: Callable[[], None]) -> int:
    """Do work in a child, and return its id."""
    child = os.fork()
    if child:
        return child
    try:
        work()
    finally:
        os._exit(127)


def _wait(child: int) -> None:
    """Wait for the end of a child, or for being told to stop; reap what else ends."""
    while signal.sigwait({signal.SIGCHLD, signal.SIGTERM}) == signal.SIGCHLD:
        with contextlib.suppress(ChildProcessError):
            while ended := os.waitpid(-1, os.WNOHANG)[0]:
                if ended == child:
                    return


def end_all() -> None:
    """End every child, and those that become children by the end of their parents, until there are none."""
    with contextlib.suppress(ChildProcessError):
        while True:
            for child in _children():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            os.waitpid(-1, 0)


def _children() -> list[int]:
    """Return the ids of this process's children."""
    own, found = os.getpid(), []
    for name in filter(str.isdecimal, os.listdir("/proc")):  # noqa: PTH208
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
            if int(file.read().rpartition(b")")[2].split()[1]) == own:
                found.append(int(name))
    return found


def _prctl(option: int, value: int) -> None:
    _call("prctl", option, value, 0, 0, 0)


def _call(name: str, *args: object) -> None:
    if getattr(_libc, name)(*args) == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)


if __name__ == "__main__":
    main()
