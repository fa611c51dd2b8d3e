"""Folders of recordings: what is read, and what a mistake in one is answered with."""

from pathlib import Path

import pytest

from bench.turns.scenes.corpus import CorpusError, read_corpus
from tests.bench.turns_corpus import HEADER, labelled, small_corpus


def test_an_answer_is_read_with_its_pauses(tmp_path: Path) -> None:
    """Given an answer and its speech rows, the gap between them is its pause."""
    corpus = read_corpus(small_corpus(tmp_path))
    answer = next(answer for answer in corpus.answers if answer.cut.speaker == "ann")
    assert answer.speech == ((0.15, 1.21), (1.45, 4.13))
    assert not answer.derived
    assert [cut.label for cut in corpus.of("tic")] == ["tic"]


def test_gaps_below_100_ms_are_no_pauses(tmp_path: Path) -> None:
    """Given speech rows 50 ms apart, they are one stretch."""
    rows = "0\t2\tanswer\tann\n0\t0.5\tspeech\tann\n0.55\t2\tspeech\tann\n"
    assert read_corpus(labelled(tmp_path, rows)).answers[0].speech == ((0.0, 2.0),)


def test_an_answer_without_speech_rows_is_derived_and_says_so(tmp_path: Path) -> None:
    """Given an answer alone, its stretches come from an energy rule, and a note says so."""
    folder = small_corpus(tmp_path)
    (folder / "answer_3.labels.tsv").write_text(HEADER + "0.0\t4.2\tanswer\tann\n")
    corpus = read_corpus(folder)
    answer = next(answer for answer in corpus.answers if answer.cut.speaker == "ann")
    assert answer.derived
    assert len(answer.speech) > 1
    assert "energy rule" in corpus.notes[0]


def test_tune_and_test_are_kept_apart(tmp_path: Path) -> None:
    """Given tune/ and test/ folders, a split reads its own."""
    for split in ("tune", "test"):
        (tmp_path / split).mkdir()
    small_corpus(tmp_path / "tune")
    labelled(tmp_path / "test", "0\t2\tnoise\t\n")
    assert len(read_corpus(tmp_path, "tune").answers) == 2
    assert not read_corpus(tmp_path, "test").answers
    assert len(read_corpus(tmp_path, "all").answers) == 2


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("0\t2\tanswer\n", "row 2: it has 3 cells"),
        ("zero\t2\tanswer\tann\n", "row 2: 'zero' and '2' must be seconds"),
        ("0\t1\tnoise\t-\n1\t3\tanswer\tann\n", "row 3: 1.0 to 3.0 s is no stretch of a recording of 2.00 s"),
        ("1\t1\tanswer\tann\n", "row 2: 1.0 to 1.0 s is no stretch"),
        ("0\t2\tlaughter\tann\n", "row 2: 'laughter' is no label"),
        ("0\t2\tanswer\t \n", "row 2: an answer row names its speaker"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, rows: str, said: str) -> None:
    """Given a row that cannot be used, the error names the file, the row, and what is wrong."""
    with pytest.raises(CorpusError) as raised:
        read_corpus(labelled(tmp_path, rows))
    assert "one.labels.tsv" in str(raised.value)
    assert said in str(raised.value)


def test_a_wrong_file_is_named(tmp_path: Path) -> None:
    """Given no folder, no labels, no recording, a wrong header or two channels, the error says
    which."""
    for name, said in (("none", "is no folder"), (".", "has no *.labels.tsv")):
        with pytest.raises(CorpusError, match=said.replace("*", r"\*")):
            read_corpus(tmp_path / name)
    labelled(tmp_path, "0\t2\tnoise\t-\n", header="from\tto\tlabel\tspeaker\n")
    with pytest.raises(CorpusError, match="the first row must be the columns"):
        read_corpus(tmp_path)
    labelled(tmp_path, "0\t2\tnoise\t-\n", channels=2)
    with pytest.raises(CorpusError, match="has 2 channels"):
        read_corpus(tmp_path)
    (tmp_path / "one.wav").unlink()
    with pytest.raises(CorpusError, match="has no recording beside it"):
        read_corpus(tmp_path)
