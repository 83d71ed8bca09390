"""What tools/run_ablation.py is made of."""
