"""The client for asyncio; its public names are those of `foldlog_client`."""
