"""Event sourcing of anything: no grpc, no database, no orders."""
