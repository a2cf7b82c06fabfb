"""Authenticated links between nodes: channels with priorities, gossip, peer scores.

The package carries ``(channel, kind, bytes)`` and does not know what the bytes mean. ``p2p.network`` is the one file
with sockets; everything else is state machines that take time and bytes as arguments.
"""

from p2p.channels import Channel
from p2p.handshake import Admitted, Refused
from p2p.rejection import Rejection

__all__ = ["Admitted", "Channel", "Refused", "Rejection"]
