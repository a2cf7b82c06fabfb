"""Digests of files, as owners and courts compute them: one well-known function, whatever the network's suite.

A file's digest has to be recomputed by people who know nothing of the chain, with the tools of their own system
(``sha256sum``, ``Get-FileHash``). What a contract does with a digest does not depend on how it was made.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

CONTENT_DIGEST_NAME: Final = "SHA-256"  # for people


def digest_file(path: Path) -> bytes:
    """Return the digest of a file's content, read in pieces; raise OSError."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").digest()
