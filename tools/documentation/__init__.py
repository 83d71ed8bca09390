"""The parts of tools/check_docs.py."""
