"""The parts of the Run screen: its head, and four panes."""
