"""What can go wrong with a disk, one exception type per decision the caller has to take.

None of these is a peer's fault, so none is a rejection: a node that meets one stops voting, keeps its data and says so.
"""


class StorageError(Exception):
    """Any failure of storage; the subclasses say what to do about it."""


class Corruption(StorageError):
    """Stored bytes are not the bytes that were written. They are never served: repair them from a peer or a backup."""

    def __init__(self, location: str, detail: str) -> None:
        super().__init__(f"corrupt data at {location}: {detail}")
        self.location = location
        self.detail = detail


class DiskFull(StorageError):
    """No space, quota or file-size limit left. What was being written is not stored; reopen once there is space."""


class Closed(StorageError):
    """The store was closed, or an earlier failure closed it."""


class Locked(StorageError):
    """Another process (or another handle of this one) has the database or the log open."""


class Missing(StorageError):
    """There is no database at the path, and the caller did not ask to create one."""


class UnsupportedFormat(StorageError):
    """The data on disk was written in another format version than this code reads."""


class Gap(StorageError):
    """A height was skipped: the store takes consecutive heights only."""

    def __init__(self, what: str, expected: int, given: int) -> None:
        super().__init__(f"{what}: expected height {expected}, got {given}")
        self.what = what
        self.expected = expected
        self.given = given


class Conflict(StorageError):
    """A height already holds something else. One of the two is our own error: stop, keep both, investigate."""

    def __init__(self, what: str, height: int) -> None:
        super().__init__(f"{what} at height {height} is already stored with different content")
        self.what = what
        self.height = height
