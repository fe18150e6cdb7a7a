"""The shape of a scenario file: pydantic models that refuse unknown keys and never change once read."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from hive.config_models import Name, PolicyConfig

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]
Ms = Annotated[float, Field(ge=0, le=3_600_000)]
Kind = Literal[
    "client_crash",
    "client_cut",
    "client_freeze",
    "clock_drift",
    "clock_jump",
    "conductor_crash",
    "conductor_freeze",
    "conductor_slow",
    "conductor_stop",
    "connection_break",
    "control_crash",
    "disk_full",
    "disk_slow",
    "flood",
    "link_cut",
    "link_flap",
    "network_slow",
    "node_crash",
    "node_cut",
    "node_flap",
    "node_freeze",
    "node_join",
    "node_leave",
    "node_slow",
    "node_wedge",
    "node_wrong",
    "poison",
    "policy_reload",
]
"""Everything that may happen to a world; docs/reference/scenarios.md says what each does."""
_DIGEST: Final = "sha256:" + "0" * 64


class Part(BaseModel):
    """A part of the file: unknown keys are mistakes, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class NodesConfig(Part):
    """`count` simulated nodes of one capability at a site. Their model has one output, and one input or several."""

    site: Name
    capability: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)+$")]
    name: Annotated[str, Field(description="Node ids are NAME, NAME-2, …; default: the capability.")] = ""
    count: Annotated[int, Field(ge=1, le=256)] = 1
    credit: Annotated[int, Field(ge=1, le=4096)] = 8
    batch: Annotated[int, Field(ge=1, le=256, description="Works that one run may take.")] = 1
    run_ms: Annotated[Ms, Field(gt=0, description="Median time of a run; the rest is log-normal.")] = 5.0
    run_bound_ms: Annotated[int, Field(ge=1, description="What the manifest promises.")] = 1000
    input: str = "text"
    also: Annotated[dict[str, str], Field(description="Further inputs by name, with their types.")] = Field(
        default_factory=dict
    )
    output: str = "text"
    removes: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    idempotent: Annotated[bool, Field(description="Whether a slow run may have a second one beside it.")] = (
        True
    )
    digest: Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")] = _DIGEST
    confidence: Share = 0.9
    unsure: Annotated[Share, Field(description="Share of runs whose answer is unsure.")] = 0.0
    fails: Annotated[Share, Field(description="Share of runs that end in an error.")] = 0.0


class CallersConfig(Part):
    """`count` callers at a site, and what each of them asks for."""

    name: Name
    site: Name
    count: Annotated[int, Field(ge=1, le=256)] = 1
    rate: Annotated[float, Field(gt=0, le=10_000, description="Tasks per second of each.")] = 20.0
    asks: Annotated[dict[str, Weight], Field(min_length=1, description="Capabilities with their weights.")]
    labels: Annotated[dict[str, Weight], Field(description='Labels; "" sends none.')] = Field(
        default_factory=lambda: {"": 1.0}
    )
    priorities: Annotated[
        tuple[Annotated[int, Field(ge=0, le=9)], ...], Field(min_length=1, strict=False)
    ] = (5,)
    durable: Annotated[Share, Field(description="Share that must be stored before it is accepted.")] = 0.5
    keyed: Annotated[Share, Field(description="Share with an idempotency key; these are durable.")] = 0.2
    waits: Annotated[Share, Field(description="Share whose caller waits for the outcome itself.")] = 0.7
    holds: Annotated[Share, Field(description="Share that may wait for a site out of reach.")] = 0.3
    patient: Annotated[Share, Field(description="Share that is submitted again when refused.")] = 0.5
    cancelled: Annotated[Share, Field(description="Share that is cancelled a moment later.")] = 0.02
    conflicting: Annotated[
        Share, Field(description="Share of the keyed whose key is used for another task.")
    ] = 0.05
    retried: Annotated[
        Share, Field(description="Share of the stored that is tried again when it failed.")
    ] = 0.5
    repeated: Annotated[Share, Field(description="Share of the keyed that is submitted twice.")] = 0.1
    wished: Annotated[
        Share, Field(description="Share that names the type that it wants, where one capability makes it.")
    ] = 0.0
    surer: Annotated[Share, Field(description="Share that wants a confidence of 0.8.")] = 0.0
    deadline_ms: Annotated[tuple[Ms, Ms], Field(strict=False, description="Least and most, log-uniform.")] = (
        1_000,
        20_000,
    )


class NetworkConfig(Part):
    """How long messages take: `lan` within a site, `wan` between sites. Lost segments come later, as with TCP."""

    lan_ms: Ms = 0.2
    lan_jitter_ms: Ms = 0.2
    wan_ms: Ms = 8.0
    wan_jitter_ms: Ms = 4.0
    loss: Annotated[Share, Field(description="Share of segments that are lost and sent again.")] = 0.0


class StoreConfig(Part):
    """The conductors' stores."""

    commit_ms: Annotated[Ms, Field(description="Median time of a commit, which takes in all that waits.")] = (
        1.0
    )


class FaultsConfig(Part):
    """How many faults a run has, and which: a kind's weight is its share. What is not named does not happen."""

    count: Annotated[int, Field(ge=0, le=10_000)] = 50
    kinds: dict[Kind, Weight] = Field(default_factory=dict)


class ScenarioFile(Part):
    """A whole scenario."""

    about: Annotated[str, StringConstraints(min_length=1)]
    mesh: Annotated[object, Field(description="A mesh as in a mesh file, or the name of one.")]
    seconds: Annotated[float, Field(gt=0, le=86_400, description="Virtual time of load and faults.")] = 20.0
    settle_s: Annotated[
        float,
        Field(gt=0, le=86_400, description="Time in which everything must have ended, once all is healed."),
    ] = 90.0
    nodes: Annotated[
        tuple[NodesConfig, ...],
        Field(strict=False, description="Left out: the nodes of the mesh's devices."),
    ] = ()
    callers: Annotated[tuple[CallersConfig, ...], Field(strict=False, min_length=1)]
    network: NetworkConfig = NetworkConfig()
    store: StoreConfig = StoreConfig()
    faults: FaultsConfig = FaultsConfig()
    policies: Annotated[
        tuple[PolicyConfig, ...],
        Field(
            strict=False,
            description="Other policies for `policy_reload`; it also takes the mesh's with one rule or label less.",
        ),
    ] = ()
    encode: Annotated[
        bool, Field(description="Send each message through the codec; several times slower.")
    ] = False
