"""A folder of synthetic runs in every state: what `handseg tui --demo` and the tests show."""
