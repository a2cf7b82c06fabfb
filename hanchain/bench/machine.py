"""What machine a figure was measured on, and how fast it verifies signatures: figures mean nothing without."""

from __future__ import annotations

import os
import platform
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from hanchain.crypto import Suite

_MEASURE_SECONDS = 0.6


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine, in the words of its system."""

    processor: str
    cores: int
    memory_bytes: int
    system: str
    python: str
    verifies_per_second: int  # signatures, one verifying thread per core


def describe_machine(suite: Suite) -> Machine:
    """Return the description, with the verify rate of a suite measured now."""
    return Machine(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=platform.python_version(),
        verifies_per_second=measure_verifies(suite, len(os.sched_getaffinity(0))),
    )


def measure_verifies(suite: Suite, threads: int) -> int:
    """Return signature verifications per second with this many threads together."""
    key = suite.generate()
    message = suite.hash(b"benchmark")
    signature = key.sign(message)
    counts = [0] * threads
    until = time.perf_counter() + _MEASURE_SECONDS

    def work(index: int) -> None:
        while time.perf_counter() < until:
            assert suite.verify(key.public_key, message, signature), "the signature is good"
            counts[index] += 1

    workers = [threading.Thread(target=work, args=(i,)) for i in range(threads)]
    began = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return int(sum(counts) / (time.perf_counter() - began))


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"
