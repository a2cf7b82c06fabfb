"""Every bound of the consensus core, each with its reason."""

from __future__ import annotations

from typing import Final

MESSAGE_BYTES_MAX: Final = 8 * 1024 * 1024  # a PRE-PREPARE with the largest body, or a NEW-VIEW of 31 validators
BODY_BYTES_MAX: Final = 4 * 1024 * 1024  # one proposal; half a message, so that a body always fits with its header
CERTIFICATE_BYTES_MAX: Final = 64 * 1024  # a SealCert of 128 validators with signatures of up to 256 bytes
ITEMS_MAX: Final = 4096  # elements of one array anywhere in a message
VALUES_MAX: Final = 131_072  # values of one message together: decoding them holds the loop for a tenth of a second
NESTING_MAX: Final = 32  # depth of arrays in arrays; a NEW-VIEW needs 5
VALIDATORS_MAX: Final = 128  # every replica sends to every other: beyond this a mesh is the wrong shape
WINDOW_MAX: Final = 64  # proposals in flight; bounds slots, P-certificates and the size of a VIEW-CHANGE
VIEW_MAX: Final = 2**31 - 1  # one bit below u32, so that view + 1 never overflows the field (FISCO-BCOS #2312)
VOTE_VIEWS_KEPT: Final = 4  # views back from the current one whose votes are still counted for deciding
LATER_MESSAGES_MAX: Final = 64  # messages of later views kept per peer until that view starts
LATER_BYTES_MAX: Final = 16 * 1024 * 1024  # and their bytes per peer
VERIFIED_SIGNATURES_KEPT: Final = 8192  # signatures remembered as good: certificates repeat those of votes
COMPLAINT_LIFETIME_MS: Final = 3_000  # C1: a complaint counts this long after its last resend
RESEND_INTERVAL_MS: Final = 1_000  # C3: VIEW-CHANGE and COMPLAIN, identical bytes
STATUS_INTERVAL_MS: Final = 1_000  # the only retransmission mechanism of votes
TERM_BLOCKS: Final = 64  # section 11: in a term of so many blocks a client is the reason of one complaint
ROOMY_BLOCKS: Final = 3  # section 11: blocks with room for a transaction that the leader knows and leaves out
WATCHED_CLIENTS_MAX: Final = 256  # clients whose oldest transaction is watched: a leader leaves out one or all
CLOCK_PRECISION_MS: Final = 500  # section 10: how far honest clocks may differ
MESSAGE_DELAY_MS: Final = 2_000  # section 10: how old a fresh timestamp may be at k = 0, T(0) / 2 if that is more
MESSAGE_DELAY_STEPS_MAX: Final = 8  # growth of that by half for each k ends at the 25-fold: a minute
CHAIN_KEPT: Final = 1024  # sealed blocks remembered: a NEW-VIEW made of old VIEW-CHANGEs may build on any of them
