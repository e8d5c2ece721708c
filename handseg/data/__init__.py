"""A data set on disk to samples: layouts, images, polygons, planes, folds, cache, phantoms."""
