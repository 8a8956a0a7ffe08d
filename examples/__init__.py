"""Programs that use only Foldlog's client and the generated messages."""
