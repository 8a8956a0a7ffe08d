"""From a domain's protos to its typed client: the generator, and the protos of Foldlog that others import."""
