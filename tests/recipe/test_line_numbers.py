"""Lines of keys in TOML text."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handseg.recipe.line_numbers import line_numbers


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ("a = 1\n# b = 2\n\nb = 3\n", ("b",), 4),
        ("[t]\na = 1\n[u.v]\nb = 2", ("u", "v", "b"), 4),
        ("[u.v]\nb = 2", ("u",), 1),
        ("a.b . c = 1\na.d = 2", ("a", "d"), 2),
        ("'q.r'.\"s\\u0041\" = 1", ("q.r", "sA"), 1),
        ("a = [\n  1, # ] one\n  [2,\n 3],\n]\nb = 1", ("a", 1, 1), 4),
        ("a = [\n  1, # ] one\n  [2,\n 3],\n]\nb = 1", ("b",), 6),
        ("a = { b = 1, c.d = [ { e = 2 } ] }\nf = 3", ("a", "c", "d", 0, "e"), 1),
        ('a = """\nb = 1\n\\""" = """\nc = 2', ("c",), 4),
        ("a = '''\n[b]\n''''\nc = 2", ("c",), 4),
        ('a = "x # \\" ] ="  # y\nc = 2', ("c",), 2),
        ("a = '\\'\nc = 2", ("c",), 2),
        ('a = """two quotes."""""\nc = 2', ("c",), 2),
        ("[[a]]\nb = 1\n[[a]]\nb = 2\n[a.c]\nd = 3", ("a", 1, "b"), 4),
        ("[[a]]\nb = 1\n[[a]]\nb = 2\n[a.c]\nd = 3", ("a", 1, "c", "d"), 6),
        ("a = 1979-05-27 07:32:00\nb = 1", ("b",), 2),
        ("[ t . 'u' ] # c\nb = 1", ("t", "u", "b"), 2),
    ],
)
def test_a_key_is_found_at_its_line(text, path, line):
    assert line_numbers(text)[path] == line


def paths(value, at=()):
    """Every path inside a parsed document."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        yield (*at, key)
        if isinstance(item, dict | list):
            yield from paths(item, (*at, key))


KEYS = st.sampled_from(["a", "b-c", "'d.e'", '"f\\"#"', "1"])
SCALARS = st.sampled_from(
    ["1", "-2.5e3", "true", "'#='", '"\\\\"', '"""x\n]"""', "'''\n{'''", "1979-05-27 07:32:00"]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: "[\n" + " , # ]\n".join(items) + "\n]")
        | st.lists(inner, max_size=2).map(
            lambda items: "{" + ", ".join(f"k{i}.x = {v}" for i, v in enumerate(items)) + "}"
        )
    ),
    max_leaves=6,
)


@given(st.lists(st.tuples(st.booleans(), KEYS, VALUES), max_size=6))
def test_every_value_that_tomllib_finds_has_a_line_and_it_is_the_right_one(entries):
    lines, expected = [], {}
    for number, (table, key, value) in enumerate(entries):
        if table:
            lines.append(f"[t{number}.{key}]")
        lines.append(f"v{number} = {value}")
        expected[f"v{number}"] = "\n".join(lines).count("\n") - value.count("\n") + 1
    text = "\n".join(lines)
    found = line_numbers(text)
    assert set(found) == set(paths(tomllib.loads(text)))
    own = {path[-1]: line for path, line in found.items() if str(path[-1]) in expected}
    assert own == expected
