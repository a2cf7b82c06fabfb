"""The node: an asyncio shell that assembles consensus, ledger, storage and network."""
