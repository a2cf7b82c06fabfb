"""System contracts: native Python behind the same host and the same method tables as user contracts."""
