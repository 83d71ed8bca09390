"""What tools/export_onnx.py is made of."""
