"""What tools/infer.py is made of."""
