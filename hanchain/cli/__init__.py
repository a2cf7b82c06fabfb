"""The command line. Each command imports what it runs when it runs: ``hanchain verify`` never loads the node."""
