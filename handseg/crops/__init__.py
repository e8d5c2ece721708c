"""Regions to windows to cropped images, labels and their manifest."""
