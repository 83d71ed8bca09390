"""Parts of the tools that make studio sets."""
