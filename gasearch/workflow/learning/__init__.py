"""What is learned about Tc, from labels to figures."""
