"""Certificates that this node never got: blocks sealed here by a later certificate, when votes came late or in bulk.

Such a block is final, but its transactions cannot be proved from here. Its own certificate is asked of the peers
afterwards, one height at a time and without haste. Pure.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence

from hanchain.node import limits
from hanchain.node.catchup import Ask
from hanchain.node.wire import BlocksRequest, BlocksResponse


class Gaps:
    """The heights that lack their certificate, and the one request under way."""

    def __init__(self) -> None:
        self._heights: OrderedDict[int, None] = OrderedDict()
        self._asked: Ask | None = None
        self._deadline_ms = 0
        self._last_peer = ""

    def __len__(self) -> int:
        return len(self._heights)

    def note(self, heights: Iterable[int]) -> None:
        """Remember heights without certificate; of too many the first are given up."""
        for height in heights:
            self._heights[height] = None
        while len(self._heights) > limits.CERTIFICATES_MISSING_MAX:
            self._heights.popitem(last=False)

    def next_ask(self, peers: Sequence[str], now_ms: int) -> Ask | None:
        """Return the next request, None when there is nothing to ask or nobody; heights and peers take turns."""
        if not self._heights or not peers:
            return None
        if self._asked is not None and self._asked.peer in peers and now_ms < self._deadline_ms:
            return None
        peer = min((p for p in peers if p > self._last_peer), default=min(peers))
        height = next(iter(self._heights))
        self._heights.move_to_end(height)
        self._last_peer = peer
        self._asked = Ask(peer, BlocksRequest(height, 1))
        self._deadline_ms = now_ms + limits.SYNC_TIMEOUT_MS
        return self._asked

    def accept(self, peer: str, response: BlocksResponse) -> bool:
        """Tell whether this answers the request under way, which is then over."""
        asked = self._asked
        if asked is None or asked.peer != peer or asked.request.from_height != response.from_height:
            return False
        self._asked = None
        return True

    def filled(self, height: int) -> None:
        """Forget a height whose certificate is here."""
        self._heights.pop(height, None)
