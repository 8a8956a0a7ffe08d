"""Application code and its tests: a checkout that places orders with the sync client.

Its tests are in tests/examples: without a server by `foldlog_client.testing`, with one by
`foldlog_server.testing`.
"""
