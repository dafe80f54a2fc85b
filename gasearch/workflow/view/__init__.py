"""What others see of runs: results for notebooks and programs, status, and the page."""
