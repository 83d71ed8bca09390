"""What tools/make_viewer.py is made of."""
