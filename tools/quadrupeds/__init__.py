"""What tools/bake_quadrupeds.py is made of."""
