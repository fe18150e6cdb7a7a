"""The error catalogue: every failure that a user, a peer or a script can see has one entry here.

A code is stable: scripts match on it and docs/reference/errors.md explains it. The module knows
nothing of HTTP servers, sockets or terminals; it only says what each of them should show.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Fault = Literal["caller", "peer", "operator", "hive"]


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """One entry of the catalogue.

    `http_status` and `exit_status` are what the API and the CLI return, `sentence` is shown to people and
    says what to do, `retryable` tells a client that the same request may succeed later, and `fault` says who
    has to act.
    """

    code: str
    http_status: int
    exit_status: int
    sentence: str
    retryable: bool
    fault: Fault


def _entries() -> tuple[ErrorKind, ...]:
    entry = ErrorKind
    return (
        # What the caller asked for.
        entry("bad_request", 400, 2, "The request is malformed. Correct the named field.", False, "caller"),
        entry("input_invalid", 422, 10, "The input does not fit its data type. Correct it.", False, "caller"),
        entry(
            "unauthenticated",
            401,
            11,
            "No valid credentials were given. Send a known token.",
            False,
            "caller",
        ),
        entry("forbidden", 403, 12, "Policy does not permit this. The named rule decides.", False, "caller"),
        entry(
            "label_forbidden", 403, 13, "Policy keeps data with this label away from there.", False, "caller"
        ),
        entry(
            "task_unknown", 404, 14, "You have no task with this id, or it has been pruned.", False, "caller"
        ),
        entry("type_unknown", 404, 15, "No such data type. `GET /v1/types` lists them.", False, "caller"),
        entry("capability_unknown", 404, 16, "Nothing in the mesh offers this capability.", True, "caller"),
        entry(
            "no_route", 404, 17, "No chain of capabilities leads from the input to the wish.", True, "caller"
        ),
        entry("wish_ambiguous", 409, 18, "Several ways lead there. Name a capability.", False, "caller"),
        entry(
            "key_conflict", 409, 19, "This idempotency key belongs to a different request.", False, "caller"
        ),
        entry(
            "too_large", 413, 20, "The message is larger than this mesh takes. Send less.", False, "caller"
        ),
        entry("quota_exceeded", 429, 21, "You have too many tasks open. Wait for some.", True, "caller"),
        entry("cancelled", 409, 22, "The task was cancelled.", False, "caller"),
        entry("not_retryable", 409, 26, "This task cannot be tried again.", False, "caller"),
        entry(
            "result_withdrawn",
            410,
            27,
            "The task is done, and policy has forbidden its result since.",
            False,
            "operator",
        ),
        entry("path_unknown", 404, 23, "There is no such path. `/docs` lists them.", False, "caller"),
        entry(
            "method_not_allowed",
            405,
            24,
            "This path takes other methods. `/docs` lists them.",
            False,
            "caller",
        ),
        entry("media_type_unsupported", 415, 25, "Send `Content-Type: application/json`.", False, "caller"),
        # What the mesh could not do in time.
        entry("queue_full", 429, 30, "The queue is full. Try again after the given time.", True, "hive"),
        entry("expired", 504, 31, "The deadline passed before an answer was there.", True, "hive"),
        entry("deadline_too_short", 504, 32, "The deadline cannot be met. Give more time.", False, "caller"),
        entry("no_node", 503, 33, "No node that may do this is connected.", True, "hive"),
        entry(
            "attempts_exhausted",
            502,
            34,
            "Every permitted attempt failed. The last error is named.",
            True,
            "hive",
        ),
        entry(
            "dead_lettered",
            502,
            35,
            "The task took down each node that ran it, and was set aside.",
            False,
            "hive",
        ),
        entry(
            "retry_budget_spent", 503, 36, "Too many retries are under way. Try again later.", True, "hive"
        ),
        entry("draining", 503, 37, "This process is stopping and takes no new work.", True, "hive"),
        entry(
            "label_kept",
            409,
            38,
            "The label could not be removed, and the next step forbids it.",
            False,
            "hive",
        ),
        entry(
            "store_unavailable",
            503,
            39,
            "The store cannot commit now, so nothing was accepted.",
            True,
            "hive",
        ),
        entry(
            "planning_unavailable", 503, 40, "The control process did not plan this in time.", True, "hive"
        ),
        entry(
            "link_down",
            503,
            41,
            "The site that could do this cannot be reached. Try again, or let the task wait (--hold).",
            True,
            "hive",
        ),
        entry("loop", 508, 42, "The task would come back to a site that it has passed.", False, "operator"),
        # What went wrong on a node.
        entry("inference_failed", 502, 50, "The model failed on this input.", True, "hive"),
        entry("node_lost", 502, 51, "The node went away while it worked.", True, "hive"),
        entry("credit_exceeded", 503, 52, "More work was sent than was granted.", True, "peer"),
        entry(
            "worker_memory",
            502,
            54,
            "The specialist needs more memory than its worker may take. Raise `memory_mb`.",
            False,
            "operator",
        ),
        entry("lease_expired", 504, 53, "The node did not finish within its lease.", True, "hive"),
        # Models and their files.
        entry(
            "model_not_found",
            404,
            60,
            "There is no such specialist. Check the name or path.",
            False,
            "operator",
        ),
        entry(
            "manifest_invalid",
            422,
            61,
            "The manifest is not valid. Correct the named field.",
            False,
            "operator",
        ),
        entry(
            "model_digest_mismatch", 422, 62, "A file is not the one its manifest pins.", False, "operator"
        ),
        entry("model_invalid", 422, 63, "The model cannot be loaded.", False, "operator"),
        # Making specialists.
        entry(
            "recipe_invalid", 422, 64, "The recipe is not valid. Correct the named part.", False, "operator"
        ),
        entry(
            "data_invalid",
            422,
            65,
            "The data cannot be learned from. Correct what is named.",
            False,
            "operator",
        ),
        entry("forge_missing", 500, 66, "The forge's libraries are not installed here.", False, "operator"),
        # The wire.
        entry("frame_malformed", 400, 70, "The frames do not follow the wire protocol.", False, "peer"),
        entry("version_unsupported", 400, 71, "The two sides share no protocol version.", False, "peer"),
        entry("kind_unknown", 400, 72, "Unknown or reserved message kind.", False, "peer"),
        entry("hello_required", 400, 73, "The first message of a connection must be HELLO.", True, "peer"),
        entry("mesh_mismatch", 403, 74, "The peer belongs to another mesh.", False, "operator"),
        entry("claim_refused", 403, 75, "Policy does not grant what the peer claims.", False, "operator"),
        entry("id_in_use", 409, 76, "A live node already has this id.", True, "operator"),
        entry("quarantined", 503, 77, "The node came and went too often and is set aside.", True, "hive"),
        # Running processes.
        entry("config_invalid", 422, 80, "The configuration is not valid.", False, "operator"),
        entry("config_not_found", 404, 81, "There is no such configuration file.", False, "operator"),
        entry("address_in_use", 409, 82, "The address is taken by another process.", False, "operator"),
        entry(
            "already_running",
            409,
            83,
            "This mesh is already running. `hive down` stops it.",
            False,
            "operator",
        ),
        entry("not_running", 404, 84, "No mesh is running. `hive up CONFIG` starts one.", False, "operator"),
        entry("unreachable", 503, 85, "The conductor does not answer.", True, "operator"),
        entry("state_unwritable", 500, 86, "The state directory cannot be written.", False, "operator"),
        entry(
            "insecure_bind",
            403,
            87,
            "A port that others can reach needs `insecure: true`.",
            False,
            "operator",
        ),
        entry("extra_missing", 500, 88, "An optional part is not installed.", False, "operator"),
        entry("start_failed", 500, 89, "A process did not start.", False, "operator"),
        entry("store_in_use", 409, 90, "Another conductor has this store open.", True, "operator"),
        entry("store_newer", 500, 91, "The store was written by a later version of Hive.", False, "operator"),
        # An outbox on this machine.
        entry(
            "outbox_full",
            507,
            92,
            "The outbox holds as much as it may. Deliver or drop some.",
            True,
            "operator",
        ),
        entry("outbox_in_use", 409, 93, "Another process has this outbox in its hands.", True, "operator"),
        entry("outbox_invalid", 422, 94, "The file is not an outbox that can be read.", False, "operator"),
        entry("internal", 500, 99, "This is a fault in Hive. Please report it with the log.", False, "hive"),
    )


CATALOGUE: Final[dict[str, ErrorKind]] = {kind.code: kind for kind in _entries()}
MENDED_BY_TIME: Final = frozenset(
    {"queue_full", "planning_unavailable", "draining", "quota_exceeded", "store_unavailable"}
)
"""Refusals of a whole conductor that passes by itself: a caller, an outbox and a linked site ask again after them."""


class HiveError(Exception):
    """A failure with a code of the catalogue and a sentence about this one case.

    `detail` says what is wrong, where, and what to do. `context` holds what a program may want to read, such
    as `rule`, `site`, `labels`, `retry_after_ms` or `candidates`; values are plain JSON values.
    """

    def __init__(self, code: str, detail: str = "", **context: object) -> None:
        """Raise KeyError if `code` is not in the catalogue: a code is a promise, so a typo is a fault."""
        self.kind = CATALOGUE[code]
        self.detail = detail or self.kind.sentence
        self.context = context
        super().__init__(f"{code}: {self.detail}")

    @property
    def code(self) -> str:
        """The stable code."""
        return self.kind.code


def error_of(code: str, detail: str, context: dict[str, object] | None = None) -> HiveError:
    """Return the error that a peer reported; a code that this version does not know becomes `internal`."""
    if code not in CATALOGUE:
        return HiveError("internal", f"{code}: {detail}", **(context or {}))
    return HiveError(code, detail, **(context or {}))
