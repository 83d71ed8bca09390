"""What `tools/check_parity.py` checks, one module per group of goldens."""
