"""A JSON file of polygons for each image: the competition's schema and labelme's."""
