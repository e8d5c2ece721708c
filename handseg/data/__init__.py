"""A data set on disk to samples: layouts, images, polygons, label planes, folds, cache, phantoms."""
