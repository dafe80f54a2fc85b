"""``python -m gasearch``: the command line, where its script is not on the path."""

from gasearch.cli import entry

entry()
