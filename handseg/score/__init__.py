"""Dice of predictions against labels or each other."""
