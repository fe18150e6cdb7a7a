"""`python -m conductor.dispatcher SPEC_JSON`: the hot process. It says `{"state": "ready", …}` on stdout once bound."""

from __future__ import annotations

import gc
import json
import random
import signal
import sys

from conductor.core.machine import Conductor
from conductor.dispatcher.dialled import Dialled
from conductor.dispatcher.loop import Dispatcher
from conductor.dispatcher.pauses import PauseCounter
from conductor.dispatcher.spec import DispatcherSpec, read_spec
from conductor.store.choose import store_at
from hive.clock import SystemClock
from hive.descriptors import raise_limit
from hive.errors import HiveError
from hive.transport.zeromq import ZmqTransport
from hive.wire.auth import Authenticator, Insecure, LoopbackOnly, Tokens


def main(argv: list[str]) -> int:
    """Run until SIGTERM or SIGINT; return an exit status of the catalogue."""
    try:
        spec = read_spec(argv[1])
        return _serve(spec)
    except HiveError as error:
        _say(state="failed", code=error.code, detail=error.detail)
        return error.kind.exit_status


def authenticator_of(spec: DispatcherSpec) -> Authenticator:
    """Return who decides which principal a peer is."""
    base: Authenticator = Insecure() if spec.insecure else LoopbackOnly()
    return Tokens(spec.tokens, base) if spec.tokens else base


def _serve(spec: DispatcherSpec) -> int:
    raise_limit()
    authenticator = authenticator_of(spec)
    authenticator.check_bind(spec.bind)
    store = store_at(spec.store_address(), spec.kept(), spec.epoch_file())
    settings = spec.settings()
    transport = ZmqTransport(authenticator)
    public = transport.listen(spec.bind)
    private = transport.listen(spec.private)
    name = spec.conductor or spec.site
    core = Conductor(spec.mesh, spec.site, name, store.open(), settings, random.random, spec.dials())
    PauseCounter(core.state.counts).start()  # before tasks come back, of which each is many objects
    poller = transport.poller()
    dialled = Dialled(transport, poller)
    dispatcher = Dispatcher(core, store, public, private, poller, SystemClock(), authenticator, dialled)
    stopped: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: stopped.append(received))
    _say(state="ready", endpoint=public.endpoint, epoch=core.state.epoch)
    gc.collect()
    gc.freeze()
    try:
        dispatcher.run(lambda: bool(stopped))
    finally:
        transport.close()
        store.close()
    return 0


def _say(**words: object) -> None:
    """Tell the parent process where we stand, one JSON line at a time."""
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv))
