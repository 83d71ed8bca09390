"""Parts of tools/make_masks.py."""
