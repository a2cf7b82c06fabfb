"""Contracts: the language, its compiler, and the machine that every validator runs programs on."""
