"""What is in a data set: sizes of bones, overlaps, positions, hands, grey values, people."""
