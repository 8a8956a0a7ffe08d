"""Measures Foldlog's speed against the limit of gRPC in Python, as ratios of things that are run in turn."""

import os

# Before gRPC is loaded: its C core writes a line of its own for every process that is started beside it.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
