"""Every way in which the machine ends a call has a sentence."""

from __future__ import annotations

from contracts.explanations import meaning_of
from contracts.failures import Kind, StopReason


def test_every_reason_of_the_machine_is_explained() -> None:
    """A new kind of failure without a sentence would be a bare word to whoever meets it."""
    reasons = [kind.name.lower() for kind in Kind if kind is not Kind.REVERT] + list(map(str, StopReason))
    assert [reason for reason in reasons if not meaning_of(reason)] == []


def test_a_contract_explains_its_codes_itself() -> None:
    """Codes of contracts, and reasons that the ledger gives, have no sentence here."""
    assert [meaning_of(code) for code in ("E_DUP", "revert", "unknown_method", "")] == ["", "", "", ""]
