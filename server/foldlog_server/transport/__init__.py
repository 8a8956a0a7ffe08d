"""gRPC at the edge: translates, decides nothing."""
