"""Benchmarks: measured on real processes, with the machine beside every figure."""
