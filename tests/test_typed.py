"""Commands that are shown can be pasted, and take apart as they were put together."""

import shlex

from workflow.typed import join_words


def test_hydras_quotes_stand_in_double_ones():
    words = ["python", "data.images='my photos/ä'", "name=a b", "gate=pixel"]
    line = join_words(words)
    assert line == "python \"data.images='my photos/ä'\" 'name=a b' gate=pixel"
    assert shlex.split(line) == words


def test_what_means_something_to_a_shell_is_kept_as_it_was():
    words = ["a='$HOME'", 'b="c"', "d='\\d!'", "it's", ""]
    assert shlex.split(join_words(words)) == words
