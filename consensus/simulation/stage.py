"""A stage: the real core in a network without chance, where a script decides which message arrives.

Every message takes the same time or is lost, as ``passes`` says. Twins and scenarios are played on it. An *instance* is
one running node; it is also its validator's index, except that a twin is a second instance of a validator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

from consensus.certificate import ValidatorSet
from consensus.crypto import Context
from consensus.interface import Received, Trace
from consensus.messages import Complain, Complaint, encode_message
from consensus.replica import Replica
from consensus.simulation.casting import Network, Pace, cast
from consensus.simulation.node import Node
from consensus.simulation.parcels import Parcel
from consensus.simulation.timeline import Timeline

Passes: TypeAlias = Callable[[int, int, Parcel], bool]  # sending instance, receiving instance, what is sent


@dataclass(frozen=True, slots=True)
class _Place:
    """The stage as one instance sees it (its ``Host``)."""

    stage: Stage
    instance: int

    @property
    def now_ms(self) -> int:
        return self.stage.timeline.now_ms

    @property
    def random(self) -> Random:
        return self.stage.random

    @property
    def context(self) -> Context:
        return self.stage.network.context

    @property
    def validators(self) -> ValidatorSet:
        return self.stage.network.validators

    def after(self, delay_ms: int, action: Callable[[], None]) -> None:
        self.stage.timeline.after(delay_ms, action)

    def note(self, node: int, what: str, data: bytes = b"") -> None:
        self.stage.timeline.note(node, what, data)

    def transmit(self, _sender: int, receiver: int, parcel: Parcel, delay_ms: int | None = None) -> None:
        self.stage.transmit(self.instance, receiver, parcel, delay_ms)

    def traced(self, _node: int, trace: Trace) -> None:
        self.stage.lines.append((self.now_ms, self.instance, trace))

    def starts(self, node: Node) -> Replica:
        return self.stage.network.replica(node, kept_blocks=1_024)


class Stage:
    """One run in progress."""

    def __init__(
        self,
        network: Network,
        seats: tuple[int, ...],
        passes: Passes,
        *,
        byzantine: Mapping[int, tuple[str, ...]] | None = None,
        delay_ms: int = 5,
        skews_ms: tuple[int, ...] = (),
    ) -> None:
        self.network = network
        self.seats = seats
        self.passes = passes
        self.delay_ms = delay_ms
        self.random = Random(0)  # noqa: S311 - the shell's own delays of 0 to 2 ms; a stage has no other chance
        self.timeline = Timeline()
        self.lines: list[tuple[int, int, Trace]] = []
        twins = frozenset(seat for seat in seats if seats.count(seat) > 1)
        self.judges = network.judges(len(twins | frozenset(byzantine or {})))
        self.instances: dict[int, list[int]] = {}
        self.nodes: list[Node] = []
        for instance, seat in enumerate(seats):
            self.instances.setdefault(seat, []).append(instance)
            pace = Pace(skew_ms=skews_ms[instance] if skews_ms else 0)
            place = _Place(self, instance)
            self.nodes.append(cast(place, network, self.judges, seat, pace, byzantine=byzantine or {}, twins=twins))
        self.correct = [node for node in self.nodes if node.correct]

    def start(self) -> None:
        """Start every node."""
        for node in self.nodes:
            self.timeline.after(0, node.boot)

    def transmit(self, instance: int, receiver: int, parcel: Parcel, delay_ms: int | None) -> None:
        """Bring a parcel to every instance of a validator that the script lets it reach."""
        sender = self.seats[instance]
        for target in self.instances[receiver]:
            if self.passes(instance, target, parcel):
                self._deliver(self.delay_ms if delay_ms is None else delay_ms, target, sender, parcel)

    def _deliver(self, delay_ms: int, target: int, sender: int, parcel: Parcel) -> None:
        self.timeline.after(delay_ms, lambda: self.nodes[target].receive(sender, parcel))

    def suspect(self, view: int) -> None:
        """Let every validator complain about ``view`` to every instance: time-outs may come at any moment."""
        validators = self.network.validators
        for target, node in enumerate(self.nodes):
            for sender in range(len(validators)):
                if sender != self.seats[target]:
                    complaint = Complain(validators.epoch, sender, view, Complaint.NO_PROGRESS, 0)
                    node.step(Received(sender, encode_message(complaint), 1_000_000 + self.timeline.now_ms))

    def stable(self) -> list[int]:
        """Return the stable heights of the correct nodes."""
        return [self.judges.nodes[node.index].stable for node in self.correct]
