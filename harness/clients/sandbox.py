"""
Starts a command on Linux so that none of its children outlive it; if possible in its own network and PID
namespaces.

It uses the standard library alone, and is a separate program so that harness does not fork with threads:
``sandbox.py MODE CONTROL PORT KEPT COMMAND...``.  In the mode ``apart`` it makes a user, network, PID and mount
namespace, listens there on ``127.0.0.1:PORT``, and hands that socket over on the Unix socket ``CONTROL``; in the
mode ``beside`` it does none of this, and ``CONTROL`` is unused.  ``KEPT`` are the file descriptors that the command
inherits, separated by commas.  It ends when the command does, at SIGTERM, or with its parent, and ends all
processes that the command started: in ``apart`` the kernel does, and elsewhere orphans become its children
(PR_SET_CHILD_SUBREAPER), even in their own session.

What ``apart`` guarantees: no packet leaves, in any language or protocol, and abstract Unix sockets are out of
reach; so are the environment and memory of outside processes, which can't be signalled either; and services that
would resolve names or run containers on its behalf, by the sockets of ``_SERVICES``.  What it does not: other
socket files, and files in general, are as accessible as they are to the user of harness.
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
"""Maximum data size of a process of the command, bytes."""

_SERVICES = (
    "/run/systemd", "/run/nscd", "/run/dbus", "/run/user", "/run/avahi-daemon", "/run/docker.sock", "/run/podman",
    "/run/containerd", "/run/snapd.socket",
)  # fmt: skip
"""Sockets of services that access the network, or start programs, for others."""

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
    """Move into namespaces of its own, and pass on a socket that listens there; raise OSError if not permitted."""
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
    """Mount an empty folder or file over a service's socket, or its folder."""
    if os.path.isdir(path):  # noqa: PTH112
        _call("mount", b"none", path.encode(), b"tmpfs", _NOSUID | _NODEV | _NOEXEC, b"size=0,mode=0555")
    elif os.path.exists(path):  # noqa: PTH110
        _call("mount", b"/dev/null", path.encode(), None, _BIND, None)


def _be_first(command: list[str], descriptors: Sequence[int]) -> None:
    """Become the first process of a PID namespace: when it ends, the kernel ends all others."""
    _prctl(_PDEATHSIG, signal.SIGKILL)
    _call("unshare", _NEWNS)  # the parent keeps its own /proc
    with contextlib.suppress(OSError):  # a container may hide parts of /proc, and then it can't be mounted again
        _call("mount", b"proc", b"/proc", b"proc", _NOSUID | _NODEV | _NOEXEC, None)
    child = _started(lambda: _become(command))
    for one in descriptors:
        os.close(one)
    _wait(child)


def _become(command: list[str]) -> None:
    """Exec the command, without privileges that its user does not have."""
    _prctl(_PDEATHSIG, signal.SIGKILL)
    _prctl(_NO_NEW_PRIVS, 1)
    for capability in range(_LAST_CAPABILITY + 1):
        _libc.prctl(_CAPBSET_DROP, capability, 0, 0, 0)  # fails for unknown ones, and without any
    for limit, least in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_DATA, _MEMORY)):
        most = resource.getrlimit(limit)[1]
        wanted = least if most == resource.RLIM_INFINITY else min(least, most)
        resource.setrlimit(limit, (wanted, wanted))
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


def _started(work: Callable[[], None]) -> int:
    """Run a function in a child process, and return its id."""
    child = os.fork()
    if child:
        return child
    try:
        work()
    finally:
        os._exit(127)


def _wait(child: int) -> None:
    """Wait for the end of a child, or for SIGTERM; reap others."""
    while signal.sigwait({signal.SIGCHLD, signal.SIGTERM}) == signal.SIGCHLD:
        with contextlib.suppress(ChildProcessError):
            while ended := os.waitpid(-1, os.WNOHANG)[0]:
                if ended == child:
                    return


def end_all() -> None:
    """End every child, and orphans that become children, until there are none."""
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
