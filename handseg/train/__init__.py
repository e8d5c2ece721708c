"""The recipe against the world, loader, augmentation, loss, optimiser, loop, validation."""
