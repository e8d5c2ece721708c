"""The dashboard: reads run folders and data sets, never a training process."""
