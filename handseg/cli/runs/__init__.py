"""`handseg runs` and its verbs, one a module."""
