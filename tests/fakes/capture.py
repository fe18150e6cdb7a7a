"""Every TCP payload that passes an interface: `python -m tests.fakes.capture FILE`, until its stdin ends. Root, Linux.

Payloads are joined per connection and direction, so that nothing hides in the gap between two packets.
"""

from __future__ import annotations

import select
import socket
import struct
import sys
from pathlib import Path
from typing import Final

_ETHERNET: Final = 14
_IPV4: Final = 0x0800
_TCP: Final = 6
_ALL: Final = 0x0003


def payload_of(frame: bytes) -> tuple[bytes, bytes] | None:
    """Return (which connection and direction, payload) of an Ethernet frame, None if it is no TCP over IPv4."""
    if len(frame) < _ETHERNET + 20 or struct.unpack_from("!H", frame, 12)[0] != _IPV4 or frame[23] != _TCP:
        return None
    header = (frame[_ETHERNET] & 0x0F) * 4
    total = struct.unpack_from("!H", frame, _ETHERNET + 2)[0]
    tcp = _ETHERNET + header
    offset = (frame[tcp + 12] >> 4) * 4
    return frame[26:34] + frame[tcp : tcp + 4], frame[tcp + offset : _ETHERNET + total]


def main(target: Path) -> None:
    """Capture until stdin ends, then write everything."""
    flows: dict[bytes, bytearray] = {}
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL)) as raw:
        raw.bind(("eth0", 0))
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 20)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            ready, _, _ = select.select([raw, sys.stdin], [], [])
            if raw in ready:
                found = payload_of(raw.recv(1 << 17))
                if found is not None:
                    flows.setdefault(found[0], bytearray()).extend(found[1])
            elif sys.stdin in ready:
                break
    target.write_bytes(b"\n".join(bytes(flow) for flow in flows.values()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
