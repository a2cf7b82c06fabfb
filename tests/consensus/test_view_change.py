"""VIEW-CHANGE and NEW-VIEW as tables: V1-V7, N1-N5 and the selection (case names after ssv-spec's QBFT tests)."""

from dataclasses import replace

import pytest

from consensus.certificate import Signatures
from consensus.fields import Reason, Rejection
from consensus.view_change import check_author, check_change, check_content, select


def check(kit, change) -> None:
    """Judge a VIEW-CHANGE."""
    check_change(change, kit.validators, kit.context, kit.anchor, kit.settings.window)


def check_new(kit, new_view):
    """Judge a NEW-VIEW; return the certificate of its base."""
    check_author(new_view, kit.validators, kit.context)
    return check_content(new_view, kit.validators, kit.context, kit.anchor, kit.settings.window)


# ------------------------------------------------------------------------------------------------------- V: VIEW-CHANGE


def good_changes(kit) -> dict[str, object]:
    """Return VIEW-CHANGEs that obey every rule."""
    chain = kit.chain(4)
    certificate = kit.certificate(1, kit.digest("block 1"))
    return {
        "nothing prepared": kit.change(0, 1),
        "far view": kit.change(3, 2**31 - 1),
        "one prepared": kit.change(1, 1, prepared=[kit.prepared(chain[0])]),
        "whole window prepared": kit.change(1, 2, prepared=[kit.prepared(h) for h in chain[:3]]),
        "a gap": kit.change(1, 1, prepared=[kit.prepared(chain[0]), kit.prepared(chain[2])]),
        "stable and prepared above": kit.change(
            2, 1, stable=certificate, prepared=[kit.prepared(h) for h in chain[1:]]
        ),
        "prepared in a later view": kit.change(1, 5, prepared=[kit.prepared(chain[0], view=4)]),
        "prepared by others": kit.change(0, 1, prepared=[kit.prepared(chain[0], signers=(1, 2, 3))]),
    }


@pytest.mark.parametrize(
    "case",
    [
        "nothing prepared",
        "far view",
        "one prepared",
        "whole window prepared",
        "a gap",
        "stable and prepared above",
        "prepared in a later view",
        "prepared by others",
    ],
)
def test_a_good_view_change_is_accepted(kit, case: str) -> None:
    """What a correct replica may send passes."""
    check(kit, good_changes(kit)[case])


def bad_changes(kit) -> dict[str, object]:
    """Return VIEW-CHANGEs that break one rule each, properly signed unless the signature is the point."""
    chain = kit.chain(4)
    one = kit.prepared(chain[0])
    certificate = kit.certificate(1, kit.digest("block 1"))
    plain = kit.change(0, 1, prepared=[one])
    foreign = replace(chain[0], chain_id=kit.digest("another chain"))
    votes = one.prepares
    return {
        "V1 not a member": replace(plain, sender=4),
        "V1 another epoch": replace(plain, epoch=1),
        "V1 another's signature": replace(plain, sender=1),
        "V1 changed after signing": replace(plain, new_view=2),
        "V2 view 0": kit.change(0, 0),
        "V3 height without certificate": kit.signed(replace(plain, stable_height=1, prepared=())),
        "V3 certificate of another height": kit.signed(replace(kit.change(0, 1, stable=certificate), stable_height=2)),
        "V3 certificate of the anchor": kit.change(0, 1, stable=kit.certificate(0, kit.anchor.block_hash)),
        "V3 certificate of too few": kit.change(0, 1, stable=kit.certificate(1, kit.digest("block 1"), (0, 1))),
        "V4 at the stable height": kit.change(0, 1, stable=certificate, prepared=[one]),
        "V4 beyond the window": kit.change(0, 1, prepared=[kit.prepared(chain[3])]),
        "V4 descending": kit.change(0, 1, prepared=[kit.prepared(chain[1]), one]),
        "V4 one height twice": kit.change(0, 1, prepared=[one, one]),
        "V5 too few votes": kit.change(0, 1, prepared=[kit.prepared(chain[0], signers=(0, 1))]),
        "V5 too many votes": kit.change(0, 1, prepared=[kit.prepared(chain[0], signers=(0, 1, 2, 3))]),
        "V5 duplicate signers": kit.change(
            0, 1, prepared=[replace(one, prepares=Signatures(b"\x01", votes.signatures[:1] * 3))]
        ),
        "V5 one signature for three": kit.change(
            0, 1, prepared=[replace(one, prepares=Signatures(votes.bitmap, votes.signatures[:1] * 3))]
        ),
        "V5 votes of another view": kit.change(0, 3, prepared=[replace(one, view=1)]),
        "V5 votes for another header": kit.change(0, 1, prepared=[replace(one, header=chain[1])]),
        "V5 another chain's header": kit.change(0, 1, prepared=[kit.prepared(foreign)]),
        "V5 another epoch's header": kit.change(0, 1, prepared=[kit.prepared(replace(chain[0], epoch=1))]),
        "V6 prepared in the new view": kit.change(0, 1, prepared=[kit.prepared(chain[0], view=1)]),
        "V6 prepared beyond the new view": kit.change(0, 1, prepared=[kit.prepared(chain[0], view=9)]),
    }


BAD_CHANGES = {
    "V1 not a member": Reason.NOT_A_MEMBER,
    "V1 another epoch": Reason.NOT_A_MEMBER,
    "V1 another's signature": Reason.BAD_SIGNATURE,
    "V1 changed after signing": Reason.BAD_SIGNATURE,
    "V2 view 0": Reason.BAD_VIEW_CHANGE,
    "V3 height without certificate": Reason.BAD_VIEW_CHANGE,
    "V3 certificate of another height": Reason.BAD_VIEW_CHANGE,
    "V3 certificate of the anchor": Reason.BAD_VIEW_CHANGE,
    "V3 certificate of too few": Reason.BAD_CERTIFICATE,
    "V4 at the stable height": Reason.BAD_VIEW_CHANGE,
    "V4 beyond the window": Reason.BAD_VIEW_CHANGE,
    "V4 descending": Reason.BAD_VIEW_CHANGE,
    "V4 one height twice": Reason.BAD_VIEW_CHANGE,
    "V5 too few votes": Reason.BAD_CERTIFICATE,
    "V5 too many votes": Reason.BAD_CERTIFICATE,
    "V5 duplicate signers": Reason.BAD_CERTIFICATE,
    "V5 one signature for three": Reason.BAD_CERTIFICATE,
    "V5 votes of another view": Reason.BAD_CERTIFICATE,
    "V5 votes for another header": Reason.BAD_CERTIFICATE,
    "V5 another chain's header": Reason.BAD_CERTIFICATE,
    "V5 another epoch's header": Reason.BAD_CERTIFICATE,
    "V6 prepared in the new view": Reason.BAD_VIEW_CHANGE,
    "V6 prepared beyond the new view": Reason.BAD_VIEW_CHANGE,
}


@pytest.mark.parametrize("case", BAD_CHANGES)
def test_a_bad_view_change_is_refused(kit, case: str) -> None:
    """Each broken rule is refused with its reason, and the whole message with it."""
    with pytest.raises(Rejection) as refused:
        check(kit, bad_changes(kit)[case])
    assert refused.value.reason is BAD_CHANGES[case]


# ---------------------------------------------------------------------------------------------------------- N: NEW-VIEW


def test_a_good_new_view_gives_the_certificate_of_its_base(kit) -> None:
    """N1-N3 hold: the highest stable certificate comes back, None for the anchor."""
    certificate = kit.certificate(1, kit.digest("block 1"))
    plain = kit.new_view(1, [kit.change(i, 1) for i in (0, 1, 3)])
    higher = kit.new_view(1, [kit.change(0, 1), kit.change(2, 1, stable=certificate), kit.change(3, 1)], base=1)
    assert (check_new(kit, plain), check_new(kit, higher)) == (None, certificate)


def bad_new_views(kit) -> dict[str, object]:
    """Return NEW-VIEWs that break one rule each, properly signed unless the signature is the point."""
    changes = [kit.change(i, 1) for i in range(4)]
    certificate = kit.certificate(1, kit.digest("block 1"))
    good = kit.new_view(1, changes[:3])
    unsigned = replace(changes[2], signature=bytes(24))
    prepared = kit.change(2, 1, prepared=[kit.prepared(kit.chain(1)[0], signers=(0, 1))])
    return {
        "N1 not the leader": kit.signed(replace(good, sender=2)),
        "N1 view 0": kit.signed(replace(good, view=0, sender=0)),
        "N1 another's signature": replace(good, signature=kit.signed(replace(good, sender=2)).signature),
        "N1 changed after signing": replace(good, base=1),
        "N2 too few": kit.new_view(1, changes[:2]),
        "N2 too many": kit.new_view(1, changes),
        "N2 duplicate sender": kit.new_view(1, [changes[0], changes[0], changes[1]]),
        "N2 descending": kit.new_view(1, [changes[2], changes[1], changes[0]]),
        "N2 an older view": kit.new_view(2, [kit.change(0, 2), kit.change(1, 2), changes[2]]),
        "N2 a later view": kit.new_view(1, [changes[0], changes[1], kit.change(2, 2)]),
        "N2 an unsigned view change": kit.new_view(1, [changes[0], changes[1], unsigned]),
        "N2 an invalid view change": kit.new_view(1, [changes[0], changes[1], prepared]),
        "N3 base too high": kit.new_view(1, changes[:3], base=1),
        "N3 base too low": kit.new_view(1, [*changes[:2], kit.change(2, 1, stable=certificate)], base=0),
    }


BAD_NEW_VIEWS = {
    "N1 not the leader": Reason.WRONG_SENDER,
    "N1 view 0": Reason.WRONG_SENDER,
    "N1 another's signature": Reason.BAD_SIGNATURE,
    "N1 changed after signing": Reason.BAD_SIGNATURE,
    "N2 too few": Reason.BAD_NEW_VIEW,
    "N2 too many": Reason.BAD_NEW_VIEW,
    "N2 duplicate sender": Reason.BAD_NEW_VIEW,
    "N2 descending": Reason.BAD_NEW_VIEW,
    "N2 an older view": Reason.BAD_NEW_VIEW,
    "N2 a later view": Reason.BAD_NEW_VIEW,
    "N2 an unsigned view change": Reason.BAD_SIGNATURE,
    "N2 an invalid view change": Reason.BAD_CERTIFICATE,
    "N3 base too high": Reason.BAD_NEW_VIEW,
    "N3 base too low": Reason.BAD_NEW_VIEW,
}


@pytest.mark.parametrize("case", BAD_NEW_VIEWS)
def test_a_bad_new_view_is_refused(kit, case: str) -> None:
    """Each broken rule is refused with its reason."""
    with pytest.raises(Rejection) as refused:
        check_new(kit, bad_new_views(kit)[case])
    assert refused.value.reason is BAD_NEW_VIEWS[case]


# ------------------------------------------------------------------------------------------------------------ selection


def forced(kit, *changes) -> list[tuple[int, bytes]]:
    """Return heights and digests that the VIEW-CHANGEs force above the anchor."""
    chosen = select(changes, kit.anchor.proposal_digest, kit.settings.window, kit.context)
    return [(f.height, f.digest) for f in chosen]


def numbered(kit, *headers) -> list[tuple[int, bytes]]:
    """Return heights and digests of headers."""
    return [(h.height, h.digest(kit.context)) for h in headers]


def test_nothing_prepared_forces_nothing(kit) -> None:
    """No P-certificate, nothing to propose again."""
    assert forced(kit, *(kit.change(i, 1) for i in range(3))) == []


def test_one_certificate_in_one_view_change_is_enough(kit) -> None:
    """A proposal that may have been decided anywhere is forced, whoever shows it."""
    chain = kit.chain(3)
    shown = kit.change(2, 1, prepared=[kit.prepared(h) for h in chain])
    assert forced(kit, kit.change(0, 1), kit.change(1, 1), shown) == numbered(kit, *chain)


def test_parts_of_a_chain_come_together(kit) -> None:
    """Heights may be shown by different replicas."""
    chain = kit.chain(3)
    changes = [kit.change(i, 1, prepared=[kit.prepared(chain[i])]) for i in range(3)]
    assert forced(kit, *changes) == numbered(kit, *chain)


def test_the_highest_view_wins_per_height(kit) -> None:
    """An older certificate of the same height gives way (M6 forks)."""
    old, new = kit.header(1), kit.header(1, view=2)
    changes = [kit.change(0, 3, prepared=[kit.prepared(old)]), kit.change(1, 3, prepared=[kit.prepared(new)])]
    assert forced(kit, *changes, kit.change(2, 3)) == numbered(kit, new)


def test_a_chain_is_cut_where_the_parent_link_breaks(kit) -> None:
    """An older certificate on top of a replaced proposal is not forced, nor what follows it (M8 forks)."""
    old = kit.chain(3)
    new = kit.header(1, view=2)
    left = kit.change(0, 3, prepared=[kit.prepared(h) for h in old])
    right = kit.change(1, 3, prepared=[kit.prepared(new)])
    assert forced(kit, left, right, kit.change(2, 3)) == numbered(kit, new)


def test_a_gap_ends_the_list(kit) -> None:
    """What was prepared above a gap cannot have been decided: COMMIT goes in height order (P5)."""
    chain = kit.chain(3)
    shown = kit.change(0, 1, prepared=[kit.prepared(chain[0]), kit.prepared(chain[2])])
    assert forced(kit, shown, kit.change(1, 1), kit.change(2, 1)) == numbered(kit, chain[0])


def test_the_base_is_the_highest_stable_height(kit) -> None:
    """Certificates at or below the base are sealed already and not looked at."""
    chain = kit.chain(3)
    certificate = kit.certificate(2, kit.digest("block 2"))
    low = kit.change(0, 1, prepared=[kit.prepared(h) for h in chain])
    high = kit.change(1, 1, stable=certificate)
    chosen = select([low, high, kit.change(2, 1)], chain[1].digest(kit.context), 3, kit.context)
    assert [(f.height, f.digest) for f in chosen] == numbered(kit, chain[2])


def test_two_certificates_of_one_view_are_settled_by_digest(kit) -> None:
    """It takes f + 1 double voters; even then everybody chooses the same, in whatever order the messages came."""
    one, two = kit.header(1), replace(kit.header(1), timestamp_ms=7)
    changes = [kit.change(0, 1, prepared=[kit.prepared(one)]), kit.change(1, 1, prepared=[kit.prepared(two)])]
    expected = [min(numbered(kit, one, two))]
    assert forced(kit, *changes) == forced(kit, *reversed(changes)) == expected


def test_no_more_than_the_window_is_forced(kit) -> None:
    """Certificates of replicas with different stable heights never reach beyond base + W."""
    chain = kit.chain(3)
    assert len(forced(kit, kit.change(0, 1, prepared=[kit.prepared(h) for h in chain]))) == kit.settings.window
