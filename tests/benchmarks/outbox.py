"""How long an outbox takes: to keep an entry, and to deliver it to a conductor beside it.

`python -m tests.benchmarks.outbox [ENTRIES]` prints one line for each. The disk decides about the first.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from hive.client import Client
from hive.clients.outbox import Outbox
from hive.clients.request import Wish
from tests.fakes.conductor import FakeConductor


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory() as folder, FakeConductor() as conductor:
        box = Outbox(Path(folder) / "box")
        began = time.perf_counter()
        for number in range(count):
            box.add(Wish("text.classify_intent", f"turn on light {number}", durable=True))
        kept_s = time.perf_counter() - began
        with Client(conductor.endpoint, outbox=box) as client:
            began = time.perf_counter()
            came = client.flush()
            took_s = time.perf_counter() - began
        assert came.accepted == count
    sys.stdout.write(f"keep     {1000 * kept_s / count:8.3f} ms an entry\n")
    sys.stdout.write(f"deliver  {1000 * took_s / count:8.3f} ms an entry\n")


if __name__ == "__main__":
    main()
