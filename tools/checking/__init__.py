"""What tools/check_dataset.py is made of."""
