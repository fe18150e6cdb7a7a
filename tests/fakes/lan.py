"""Machines on one LAN: network namespaces joined by a bridge. Needs root, `ip`, and `iptables` to cut."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

NETWORK = "10.77.0"


def possible() -> bool:
    """Say whether this machine lets us make namespaces and filter in them."""
    if os.geteuid() != 0 or shutil.which("ip") is None or shutil.which("iptables") is None:
        return False
    name = f"hive-probe-{uuid4().hex[:6]}"
    try:
        _run("ip", "netns", "add", name)
        _run("ip", "netns", "exec", name, "iptables", "-L", "-n")
    except subprocess.CalledProcessError:
        return False
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)  # noqa: S607 - as found above
    return True


def sweep() -> None:
    """End what a run of these tests left that was itself killed: its processes and its namespaces."""
    for line in _run("ip", "netns", "list").splitlines():
        name = line.partition(" ")[0]
        owner = re.fullmatch(r"hive-(\d+)-\w+-\w+", name)
        if owner is None or Path(f"/proc/{owner[1]}").exists():
            continue
        # Another run may sweep at the same time.
        with contextlib.suppress(subprocess.CalledProcessError):
            for pid in _run("ip", "netns", "pids", name).split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            _run("ip", "netns", "del", name)


class Machine:
    """One namespace with an address of the LAN and processes in it."""

    def __init__(self, space: str, address: str, home: Path) -> None:
        self.space = space
        self.address = address
        self.home = home
        self._started: list[subprocess.Popen[bytes]] = []

    def ip(self, *arguments: str) -> None:
        """Run `ip ARGUMENTS` here."""
        _run("ip", "-n", self.space, *arguments)

    def filter(self, *arguments: str) -> None:
        """Run `iptables ARGUMENTS` here."""
        _run("ip", "netns", "exec", self.space, "iptables", "-w", *arguments)

    def cut(self) -> None:
        """Let nothing in from the LAN."""
        self.filter("-A", "INPUT", "-i", "eth0", "-j", "DROP")

    def heal(self) -> None:
        """Let everything in again."""
        self.filter("-F", "INPUT")

    def block_multicast(self) -> None:
        """Let no multicast in, from anywhere."""
        self.filter("-A", "INPUT", "-d", "224.0.0.0/4", "-j", "DROP")

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start `hive ARGUMENTS` here; it ends with the LAN."""
        log = (self.home / "log").open("ab")
        with log:
            self._started.append(
                subprocess.Popen(self._command(arguments), env=self._environment(), stdout=log, stderr=log)
            )
        return self._started[-1]

    def hive(self, *arguments: str) -> str:
        """Run `hive ARGUMENTS` here to its end and return what it prints."""
        done = subprocess.run(
            self._command(arguments), env=self._environment(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def python(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start `python ARGUMENTS` here with pipes to its stdin and stdout; it ends with the LAN."""
        command = ["ip", "netns", "exec", self.space, sys.executable, *arguments]
        with (self.home / "log").open("ab") as log:
            self._started.append(
                subprocess.Popen(
                    command,
                    env=self._environment(),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                )
            )
        return self._started[-1]

    def said(self) -> str:
        """Return what the started commands wrote."""
        return (self.home / "log").read_text(errors="replace")

    def end(self) -> None:
        """Stop everything that runs here."""
        for process in self._started:
            process.terminate()
        for process in self._started:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _command(self, arguments: Sequence[str]) -> list[str]:
        return ["ip", "netns", "exec", self.space, sys.executable, "-m", "hive", *arguments]

    def _environment(self) -> dict[str, str]:
        return os.environ | {"HIVE_HOME": str(self.home), "COLUMNS": "200"}


class Lan:
    """A bridge in a namespace of its own; nothing of the real network is touched."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mark = f"{os.getpid()}-{uuid4().hex[:4]}"
        self._switch = f"hive-{self._mark}-lan"
        self._stack = ExitStack()
        self._machines = 0

    def __enter__(self) -> Self:
        sweep()
        try:
            self._begin()
        except BaseException:
            self._stack.close()
            raise
        return self

    def _begin(self) -> None:
        self._space(self._switch)
        _run("ip", "-n", self._switch, "link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
        _run("ip", "-n", self._switch, "link", "set", "br0", "up")

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def machine(self) -> Machine:
        """Plug in one more machine, with the next address."""
        self._machines += 1
        number = self._machines
        machine = Machine(f"hive-{self._mark}-{number}", f"{NETWORK}.{number}", self._folder / str(number))
        machine.home.mkdir()
        self._space(machine.space)
        self._stack.callback(machine.end)
        plug = f"port{number}"
        _run(
            "ip", "-n", self._switch, "link", "add", plug, "type", "veth",
            "peer", "name", "eth0", "netns", machine.space,
        )  # fmt: skip
        _run("ip", "-n", self._switch, "link", "set", plug, "master", "br0", "up")
        machine.ip("link", "set", "lo", "up")
        machine.ip("addr", "add", f"{machine.address}/24", "dev", "eth0")
        machine.ip("link", "set", "eth0", "up")
        machine.ip("route", "add", "default", "dev", "eth0")
        return machine

    def _space(self, name: str) -> None:
        _run("ip", "netns", "add", name)
        self._stack.callback(subprocess.run, ["ip", "netns", "del", name], check=False, capture_output=True)


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
