"""The ledger: pure rules of transactions, blocks, genesis, execution, system contracts and proofs.

Nothing here reads a clock, a file, a socket or randomness: the same input gives the same bytes on every node.
"""
