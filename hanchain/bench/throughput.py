"""Throughput and latency of a network of real processes on this machine, the load generator beside them.

Two phases. *Saturation*, closed loop: a bounded number of transactions is kept under way, and what the chain seals in
the measured time is counted from its blocks. *Half load*, open loop: batches leave at fixed times whatever the answers
do, and latency runs from the time a transaction was due to leave until its proof is here and verified, so that a slow
answer delays no later sample (no coordinated omission). Transactions are signed before; warm-up is not counted.
Beside it stands where the time went during saturation, stage by stage (``stages.py``).
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hanchain.bench.machine import Machine, describe_machine
from hanchain.bench.stages import Breakdown, breakdown, read
from hanchain.bench.workloads import Workload
from hanchain.crypto import PrivateKey
from hanchain.ledger.genesis import Genesis
from hanchain.ledger.parameters import Parameters
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.ledger.receipt import Status
from hanchain.ledger.transaction import Transaction, account_of, build, sign
from hanchain.sdk import Client
from hanchain.testnet.files import create_network
from hanchain.testnet.processes import Processes

SENDERS = 16  # one sender may not fill the pools, so the load has several
BATCH = 100  # transactions of one submission
UNDER_WAY = 6_000  # transactions of the closed loop: a few blocks' worth
WARM_UP_SECONDS = 2.0
SIGNED_PER_SECOND_MAX = 6_000  # more than any network of this build takes on two cores
EXPIRY_HEIGHTS = 50_000  # signed before, sent later


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured; latencies in milliseconds from due time to verified proof."""

    workload: str
    validators: int
    duration_s: float
    transactions_sealed: int
    blocks: int
    throughput_tx_s: float
    throughput_ratio: float  # throughput × validators ÷ verifies per second
    saturation_latency_p50_ms: float
    saturation_latency_p99_ms: float
    half_load_tx_s: float
    half_load_latency_p50_ms: float
    half_load_latency_p99_ms: float
    half_load_samples: int
    failed: int
    breakdown: Breakdown  # microseconds per transaction and replica during saturation
    exhausted: bool  # the signed transactions ran out before the time did: throughput is a lower bound
    machine: Machine


@dataclass(frozen=True, slots=True)
class _Network:
    """The network under measurement."""

    clients: tuple[Client, ...]
    urls: tuple[str, ...]
    pids: tuple[int, ...]  # of the nodes


def run(validators: int, duration_s: float, workload: Workload, say: Callable[[str], None]) -> Result:
    """Measure a network of ``validators`` processes; ``say`` takes progress in words."""
    parameters = Parameters(expiry_window=EXPIRY_HEIGHTS)
    with tempfile.TemporaryDirectory(prefix="hanchain-bench-") as scratch:
        network = create_network(
            Path(scratch) / "network", validators=validators, parameters=parameters, log_level="warning"
        )
        processes = Processes(network)
        try:
            genesis = network.genesis()
            machine = describe_machine(genesis.suite)
            say(f"{machine.processor}, {machine.cores} cores, {machine.verifies_per_second} verifies/s")
            count = int(SIGNED_PER_SECOND_MAX / validators * 4 * (duration_s + WARM_UP_SECONDS))
            say(f"signing {count} transactions of {workload.contract}.{workload.method}")
            transactions = _sign(genesis, count, workload)
            for node in network.nodes:
                processes.start(node, stop_with=os.getpid())
            for node in network.nodes:
                processes.wait_ready(node)
            urls = tuple(node.url for node in network.nodes)
            pids = tuple(pid for node in network.nodes if (pid := processes.pid(node)) is not None)
            signer = network.client_keys().unlock("client", "")
            return asyncio.run(_measure(urls, pids, genesis, signer, workload, transactions, duration_s, machine, say))
        finally:
            processes.stop_all()


def _sign(genesis: Genesis, count: int, workload: Workload) -> Iterator[Transaction]:
    suite = genesis.suite
    keys: list[PrivateKey] = [suite.generate() for _ in range(SENDERS)]
    senders = [account_of(suite.id, key.public_key, suite) for key in keys]
    signed = []
    for number in range(count):
        payload = build(
            chain_id=genesis.chain_id,
            sender=senders[number % SENDERS],
            salt=os.urandom(16),
            expires_at_height=EXPIRY_HEIGHTS - 100,
            contract=workload.contract,
            method=workload.method,
            arguments=workload.arguments(number, suite),
            gas_limit=workload.gas_limit,
        )
        signed.append(sign(payload, [keys[number % SENDERS]], suite))
    return iter(signed)


class _Load:
    """Submits batches and samples one transaction of each until its proof is verified."""

    def __init__(self, clients: list[Client], transactions: Iterator[Transaction]) -> None:
        self._clients = clients
        self._transactions = transactions
        self._turn = 0
        self.samples: list[tuple[float, float]] = []  # (due, latency in ms)
        self.failed = 0
        self.exhausted = False

    def next_batch(self) -> list[Transaction]:
        """Return the next batch; an empty one when the transactions ran out."""
        batch = [t for _, t in zip(range(BATCH), self._transactions, strict=False)]
        self.exhausted = self.exhausted or len(batch) < BATCH
        return batch

    async def send(self, batch: list[Transaction], due: float) -> None:
        """Submit a batch, wait for its last transaction and fetch that one's proof."""
        self._turn += 1
        client = self._clients[self._turn % len(self._clients)]
        answers = await client.submit_encoded([t.encoded for t in batch])
        refused = sum(1 for answer in answers if not isinstance(answer, bytes))
        self.failed += refused
        if isinstance(answers[-1], bytes):
            await client.wait(batch[-1].txid, 60_000)
            await client.proof(batch[-1].txid)  # verified against the genesis by the client
            self.samples.append((due, (time.perf_counter() - due) * 1000))


async def _measure(
    urls: tuple[str, ...],
    pids: tuple[int, ...],
    genesis: Genesis,
    signer: PrivateKey,
    workload: Workload,
    transactions: Iterator[Transaction],
    duration_s: float,
    machine: Machine,
    say: Callable[[str], None],
) -> Result:
    validators = len(urls)
    clients = [Client([url], genesis) for url in urls]
    network = _Network(tuple(clients), urls, pids)
    try:
        await _all_connected(clients)
        await workload.prepare(clients[0], signer)
        say(f"saturation: {UNDER_WAY} transactions under way for {duration_s:.0f} s")
        load = _Load(clients, transactions)
        saturated = await _saturate(network, load, duration_s)
        sealed, seconds = saturated.sealed, saturated.seconds
        if not sealed:
            raise Rejection(Reason.TIMEOUT, f"nothing was sealed in the {seconds:.0f} s measured: measure longer")
        throughput = sealed / seconds
        rate = throughput / 2
        say(f"{throughput:.0f} tx/s; half load: {rate:.0f} tx/s, open loop")
        half = _Load(clients, transactions)
        achieved = await _open_loop(half, rate, max(5.0, duration_s / 2))
    finally:
        for client in clients:
            await client.close()
    half_latencies = sorted(latency for _, latency in half.samples)
    return Result(
        workload=workload.name,
        validators=validators,
        duration_s=round(seconds, 2),
        transactions_sealed=sealed,
        blocks=saturated.blocks,
        throughput_tx_s=round(throughput, 1),
        throughput_ratio=round(throughput * validators / machine.verifies_per_second, 3),
        saturation_latency_p50_ms=_percentile(saturated.latencies_ms, 0.5),
        saturation_latency_p99_ms=_percentile(saturated.latencies_ms, 0.99),
        half_load_tx_s=round(achieved, 1),
        half_load_latency_p50_ms=_percentile(half_latencies, 0.5),
        half_load_latency_p99_ms=_percentile(half_latencies, 0.99),
        half_load_samples=len(half_latencies),
        failed=load.failed + half.failed,
        breakdown=saturated.breakdown,
        exhausted=load.exhausted or half.exhausted,
        machine=machine,
    )


async def _all_connected(clients: list[Client]) -> None:
    async with asyncio.timeout(30):
        for client in clients:
            while sum(p.connected for p in (await client.chain_status()).peers) < len(clients) - 1:  # noqa: ASYNC110 - a remote process has no event to wait for
                await asyncio.sleep(0.05)


@dataclass(frozen=True, slots=True)
class _Saturated:
    sealed: int  # transactions, executed well
    blocks: int
    seconds: float
    latencies_ms: list[float]  # ascending
    breakdown: Breakdown


async def _saturate(network: _Network, load: _Load, duration_s: float) -> _Saturated:
    """Keep UNDER_WAY transactions under way for a time."""
    client = network.clients[0]
    stop = asyncio.Event()

    async def worker() -> None:
        while not stop.is_set() and (batch := load.next_batch()):
            await load.send(batch, time.perf_counter())

    workers = [asyncio.create_task(worker()) for _ in range(UNDER_WAY // BATCH)]
    try:
        await asyncio.sleep(WARM_UP_SECONDS)
        before = await read(network.clients, network.urls, network.pids)
        first, began = (await client.chain_status()).height, time.perf_counter()
        await asyncio.wait([asyncio.create_task(asyncio.sleep(duration_s)), *workers], return_when="FIRST_COMPLETED")
        last, ended = (await client.chain_status()).height, time.perf_counter()
        after = await read(network.clients, network.urls, network.pids)
    finally:
        stop.set()
        results = await asyncio.gather(*workers, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    sealed = 0
    for height in range(first + 1, last + 1):
        receipts = (await client.block(height, verify=False)).receipts
        sealed += sum(1 for receipt in receipts if receipt.status is Status.OK)  # a failed one is no work done
    latencies = sorted(latency for due, latency in load.samples if due >= began)
    stages = breakdown(before, after, sealed, len(network.urls))
    return _Saturated(sealed, last - first, ended - began, latencies, stages)


async def _open_loop(load: _Load, rate_tx_s: float, duration_s: float) -> float:
    """Send a batch whenever one is due, whatever became of the others; return the rate achieved."""
    interval = BATCH / rate_tx_s
    began = time.perf_counter()
    tasks: list[asyncio.Task[None]] = []
    for number in range(int(duration_s / interval)):
        due = began + number * interval
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        batch = load.next_batch()
        if not batch:
            break
        tasks.append(asyncio.create_task(load.send(batch, due)))
    await asyncio.gather(*tasks)
    return len(tasks) * BATCH / (time.perf_counter() - began)


def _percentile(values: list[float], share: float) -> float:
    """Return a percentile of sorted values by nearest rank; NaN of none."""
    if not values:
        return float("nan")
    return round(values[min(len(values) - 1, int(len(values) * share))], 1)
