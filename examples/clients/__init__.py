"""Example clients in other languages, each run against a server that is killed while it writes.

`python -m examples.clients [LANGUAGE ...]` builds them, runs them, and compares what they print with the log.
"""
