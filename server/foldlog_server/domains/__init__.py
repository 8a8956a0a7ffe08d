"""The shop's domains, and the checks and the loading of every domain that is served."""
