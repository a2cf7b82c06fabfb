"""The load of ``hanchain demo``: files deposited by several workers at once, whatever becomes of single nodes."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from hanchain.cli.anchor import media_type_of
from hanchain.crypto import PrivateKey
from hanchain.crypto.content import digest_file
from hanchain.sdk import SyncClient, SyncContract
from hanchain.sdk.results import Called
from hanchain.testnet.files import NetworkFiles

CONTRACT = "evidence"
WORKERS = 4
_LOOK_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Deposit:
    """One file on the ledger; times are monotonic seconds."""

    path: Path
    digest: bytes
    called: Called
    began: float
    ended: float

    @property
    def latency_ms(self) -> float:
        """Milliseconds from the file in hand to the verified proof."""
        return (self.ended - self.began) * 1000


def deposit(evidence: SyncContract, signer: PrivateKey, path: Path) -> Deposit:
    """Deposit one file; return when its proof is verified."""
    began = time.monotonic()
    digest = digest_file(path)
    called = evidence.call(signer, "deposit", digest, media_type_of(path), path.stat().st_size)
    return Deposit(path, digest, called, began, time.monotonic())


@dataclass(slots=True)
class Load:
    """Deposits under way: shared by the workers."""

    network: NetworkFiles
    deposits: list[Deposit] = field(default_factory=list)
    _failure: BaseException | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _waiting: queue.SimpleQueue[Path | None] = field(default_factory=queue.SimpleQueue)

    def run(self, files: list[Path], at_a_third: Callable[[], None], watch: Callable[[int], None]) -> None:
        """Deposit all files; ``at_a_third`` runs while a part is done, a part is under way and a part is to come.

        ``watch`` gets the number of deposits so far, again and again. Raises what a worker raised.
        """
        later = max(1, len(files) // 2)  # handed out after the interruption, to what is still under way then
        for path in files[:-later]:
            self._waiting.put(path)
        workers = [threading.Thread(target=self._work, daemon=True) for _ in range(WORKERS)]
        for worker in workers:
            worker.start()
        interrupted = False
        while any(worker.is_alive() for worker in workers) and self._failure is None:
            time.sleep(_LOOK_SECONDS)
            watch(len(self.deposits))
            if not interrupted and len(self.deposits) >= max(1, len(files) // 3):
                interrupted = True
                at_a_third()
                for rest in [*files[-later:], *[None] * WORKERS]:
                    self._waiting.put(rest)
        if self._failure is not None:
            raise self._failure
        assert interrupted, "a third of the files comes before the last half"

    def _work(self) -> None:
        """Deposit files until told to end; nodes are tried in turn, so a dead one costs a retry and no more."""
        try:
            signer = self.network.client_keys().unlock("client", "")
            with SyncClient([node.url for node in self.network.nodes], self.network.genesis()) as client:
                evidence = client.contract(CONTRACT)
                while self._failure is None and (path := self._waiting.get()) is not None:
                    done = deposit(evidence, signer, path)
                    with self._lock:
                        self.deposits.append(done)
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits for this one
            self._failure = error
