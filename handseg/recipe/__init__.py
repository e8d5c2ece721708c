"""TOML to a checked recipe: what each field means, faults with file and line."""
