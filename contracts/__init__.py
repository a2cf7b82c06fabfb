"""The contract language and its machine. This release has system contracts only, which live in ``hanchain.ledger``."""
