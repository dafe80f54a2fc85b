"""From the Eliashberg function α²F(ω) to the superconducting transition temperature."""
