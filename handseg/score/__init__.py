"""Dice and its relatives of predictions against labels or each other; intervals, worst images."""
