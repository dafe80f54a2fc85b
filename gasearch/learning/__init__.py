"""What is learned from spectra and from tables of superconductors: a formula, a decoder, models that rank."""
