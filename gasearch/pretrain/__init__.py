"""From small cells labelled with DFT to a potential with honest errors."""
