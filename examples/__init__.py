"""Programs that use Foldlog as anybody can: through its client and the generated messages alone."""
