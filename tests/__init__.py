"""A package, lest others of this name in the environment hide it."""
