"""Dropping packets in a site's network namespace: between a node and its conductor, or what callers send to the site.

Rules of iptables' INPUT, because tc's netem is not in every kernel. They go with the namespace, whatever ends us.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

import psutil

Rule = tuple[str, ...]


class Drops:
    """Rules in one namespace that were made here and are taken back by `end`."""

    def __init__(self, space: str) -> None:
        """Know the namespace; nothing is dropped yet."""
        self._space = space
        self._rules: list[Rule] = []

    def add(self, rules: Sequence[Rule]) -> None:
        """Drop what these rules match, from now on."""
        for rule in rules:
            if rule not in self._rules and self._iptables("-I", rule):
                self._rules.append(rule)

    def end(self) -> None:
        """Let everything through again."""
        while self._rules:
            self._iptables("-D", self._rules.pop())

    def _iptables(self, what: str, rule: Rule) -> bool:
        command = ["ip", "netns", "exec", self._space, "iptables", "-w", what, "INPUT", *rule, "-j", "DROP"]
        return subprocess.run(command, check=False, capture_output=True).returncode == 0


def rules_of_node(pid: int, conductor_port: int, way: str) -> list[Rule]:
    """Return what drops all that a node and its conductor send each other: `both`, `there` (from the node) or `back`.

    A node that dials again does so from another port, so this is to be asked again and again while the cut lasts.
    """
    try:
        connections = psutil.Process(pid).net_connections("tcp")
    except psutil.Error:
        return []
    ports = [
        c.laddr.port
        for c in connections
        if c.status == psutil.CONN_ESTABLISHED and c.raddr.port == conductor_port
    ]
    wire = str(conductor_port)
    there: list[Rule] = [("-p", "tcp", "--sport", str(port), "--dport", wire) for port in ports]
    back: list[Rule] = [("-p", "tcp", "--sport", wire, "--dport", str(port)) for port in ports]
    return {"both": there + back, "there": there, "back": back}[way]


def rule_of_callers(site_address: str) -> Rule:
    """Return what drops all that this machine itself, at the bridge, sends to a site."""
    return ("-s", f"{site_address.rpartition('.')[0]}.1")
