"""The command line: thin functions over the rooms, a file for each subject.

Nothing heavy is imported until a command needs it, so that help and checks answer at once.
"""

from gasearch.cli.program import entry, main

__all__ = ["entry", "main"]
