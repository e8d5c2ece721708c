"""Votes of several submissions: hard majorities on run lengths."""
