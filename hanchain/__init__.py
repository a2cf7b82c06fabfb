"""Hanchain (汉链): a permissioned blockchain base layer."""

__version__ = "0.1.0"
