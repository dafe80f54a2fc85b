"""What follows phases elsewhere: other pressures, barriers, glasses, magnets, nesting."""
