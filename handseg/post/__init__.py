"""Logits to masks: upsampling, cutoffs, run lengths."""
