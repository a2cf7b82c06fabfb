"""Evidence: who had which file when, confirmed by witnesses.

A depositor registers the digest of a file, never the file. Other accounts, who have seen the file themselves, witness
the digest. When as many as were agreed have done so the deposit is confirmed, for good: there is no method that
changes or removes one. Everything here can be proved to somebody who trusts none of the parties, from the state and
the events of the chain.
"""

from contracts.language import Contract, Event, Map, Record, Revert, Table, Value, ctx, export, init, require, view

DIGEST_BYTES_MIN = 20  # 160 bits: the shortest hash that files still carry
DIGEST_BYTES_MAX = 64  # 512 bits: the longest in use
MEDIA_TYPE_LENGTH_MAX = 100
WITNESSES_MAX = 32  # a record is read and written as a whole, so it stays small
PAGE_MAX = 100


class Evidence(Contract):
    """Notarised digests with k-of-n witnesses."""

    class Item(Record):
        """A deposit."""

        owner: str  # the account that deposited it
        media_type: str  # as in "application/pdf"
        size: int  # of the file, bytes
        height: int  # of the block that holds the deposit
        time_ms: int  # of that block, since 1970
        witnesses: list[str]  # accounts, in the order in which they came
        confirmed_at: int  # height of the block in which the last required witness came, 0 before

    required = Value(int, default=1)  # witnesses that confirm a deposit
    items = Table(Item, key=bytes, index=("owner",))
    deposits = Map(str, int, default=0)  # by account

    Deposited = Event(digest=bytes, owner=str, indexed=("owner",))
    Witnessed = Event(digest=bytes, witness=str, count=int, indexed=("witness",))
    Confirmed = Event(digest=bytes, owner=str, count=int, indexed=("owner",))

    @init
    def setup(self, required: int = 1) -> None:
        """Say how many witnesses confirm a deposit, once and for all."""
        require(1 <= required <= WITNESSES_MAX, "E_REQUIRED")
        self.required = required

    @export
    def deposit(self, digest: bytes, media_type: str, size: int) -> None:
        """Register the digest of a file as the sender's."""
        require(DIGEST_BYTES_MIN <= len(digest) <= DIGEST_BYTES_MAX, "E_DIGEST")
        require(len(media_type) <= MEDIA_TYPE_LENGTH_MAX, "E_MEDIA_TYPE")
        require(size >= 0, "E_SIZE")
        require(digest not in self.items, "E_DUP")
        self.items[digest] = self.Item(
            owner=ctx.sender,
            media_type=media_type,
            size=size,
            height=ctx.height,
            time_ms=ctx.time_ms,
            witnesses=[],
            confirmed_at=0,
        )
        self.deposits[ctx.sender] += 1
        self.Deposited(digest, ctx.sender)

    @export
    def witness(self, digest: bytes) -> int:
        """Say that the sender has seen the file; return how many have. Each account counts once, the owner never."""
        item = self._item(digest)
        require(ctx.sender != item.owner, "E_OWNER")
        require(ctx.sender not in item.witnesses, "E_WITNESSED")
        require(len(item.witnesses) < WITNESSES_MAX, "E_FULL")
        item.witnesses.append(ctx.sender)
        count = len(item.witnesses)
        confirms = count == self.required
        if confirms:
            item.confirmed_at = ctx.height
        self.items[digest] = item
        self.Witnessed(digest, ctx.sender, count)
        if confirms:
            self.Confirmed(digest, item.owner, count)
        return count

    @view
    def find(self, digest: bytes) -> Item | None:
        """Return the deposit of a digest, None if there is none."""
        return self.items.get(digest)

    @view
    def is_confirmed(self, digest: bytes) -> bool:
        """Tell whether enough witnesses have seen the file; E_UNKNOWN if it was never deposited."""
        return self._item(digest).confirmed_at > 0

    @view
    def by_owner(self, owner: str, cursor: bytes | None = None, limit: int = 20) -> tuple[list[bytes], bytes | None]:
        """Return digests that an account deposited, ascending, and the cursor of the next page, None at the end."""
        require(1 <= limit <= PAGE_MAX, "E_LIMIT")
        rows, following = self.items.rows("owner", (owner,), cursor=cursor, limit=limit)
        return [digest for digest, item in rows], following

    @view
    def count(self, owner: str) -> int:
        """Return how many digests an account has deposited."""
        return self.deposits[owner]

    @view
    def witnesses_required(self) -> int:
        """Return how many witnesses confirm a deposit."""
        return self.required

    def _item(self, digest: bytes) -> Item:
        item = self.items.get(digest)
        if item is None:
            raise Revert("E_UNKNOWN")
        return item
