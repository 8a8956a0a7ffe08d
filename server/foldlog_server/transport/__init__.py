"""Translates between gRPC and the other rooms, and decides nothing."""
