"""DFT decides: refined phases, what is known of them, and their export."""
