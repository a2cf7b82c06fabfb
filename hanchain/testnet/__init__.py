"""Test networks on one machine: their files, and their node processes. For the CLI, the benchmarks and the tests."""
