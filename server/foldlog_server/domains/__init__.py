"""The domains that are served."""
