"""Tables of predictions that another program wrote: read, and every mistake named."""

import numpy as np
import pytest
from compared import make_pair
from test_slices import predictions

from lightning_modules.evaluation.comparison.other_names import say_other_names
from lightning_modules.evaluation.foreign.reading import read_given
from lightning_modules.evaluation.predictions_file import read_predictions, write_predictions

HEAD = "id,label,prob_cat,prob_dog\n"
GOOD = HEAD + "a,cat,0.9,0.1\nb,dog,0.3,0.7\n"


def read(tmp_path, content):
    path = tmp_path / "old.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_given(path)


def refused(tmp_path, content):
    with pytest.raises(ValueError, match=r"old\.csv") as error:
        read(tmp_path, content)
    return str(error.value)


def test_probabilities_groups_and_further_columns_are_kept(tmp_path):
    rows = "x/1.png,dog,0.25,0.75,p1,0.5\nx/2.png,cat,1,0,,2\n"
    given = read(tmp_path, "id,label,prob_cat,prob_dog,group,time\n" + rows)
    table = given.table
    assert table.ids == ["x/1.png", "x/2.png"]
    assert table.labels.tolist() == [1, 0]
    assert np.allclose(table.probs, [[0.25, 0.75], [1, 0]], atol=1e-7)
    assert table.groups.tolist() == ["p1", "image x/2.png"]
    assert table.columns["time"].tolist() == ["0.5", "2"]
    assert any("counts as 1e-12" in note for note in given.notes)


def test_a_byte_order_mark_numbers_for_classes_and_rounded_sums_are_read_and_said(tmp_path):
    content = "id,label,prob_cat,prob_dog\na,0,0.9,0.1\nb,1,0.333,0.665\n"
    given = read(tmp_path, b"\xef\xbb\xbf" + content.encode())
    assert given.table.labels.tolist() == [0, 1]
    assert given.table.probs[1].tolist() == pytest.approx([333 / 998, 665 / 998], abs=1e-6)
    assert any("0 is cat, 1 is dog" in note for note in given.notes)
    assert any("divided by that sum" in note for note in given.notes)


def test_logits_are_taken_as_they_are_and_come_before_probabilities(tmp_path):
    head = "id,label,logit_cat,logit_dog,prob_cat,prob_dog\n"
    table = read(tmp_path, head + "a,cat,2.5,1.5,0.731,0.269\n").table
    assert table.logits.tolist() == [[2.5, 1.5]]
    assert set(table.columns) == set()


def test_a_table_of_this_project_is_read_to_the_last_bit(tmp_path):
    write_predictions(make_pair()[0], tmp_path / "own.csv")
    given = read_given(tmp_path / "own.csv")
    assert given.own
    write_predictions(given.table, tmp_path / "again.csv")
    assert (tmp_path / "own.csv").read_bytes() == (tmp_path / "again.csv").read_bytes()


def test_a_label_that_somebody_changed_in_a_table_of_this_project_is_named(tmp_path):
    write_predictions(make_pair()[0], tmp_path / "old.csv")
    text = (tmp_path / "old.csv").read_text().replace("\ni3,cat,", "\ni3,lynx,")
    text = text.replace("\ni3,dog,", "\ni3,lynx,")
    assert "label is 'lynx' in row 5, expected cat, dog" in refused(tmp_path, text)


def test_a_column_that_looks_like_one_of_this_project_comes_back(tmp_path):
    table = predictions([0, 1], [0, 1], weight_kg=["heavy", "light"], mask_dice=["x", "y"])
    write_predictions(table, tmp_path / "table.csv")
    back = read_predictions(tmp_path / "table.csv")
    assert back.columns["weight_kg"].tolist() == ["heavy", "light"]
    assert not back.region_weights
    assert not back.mask_quality


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", ["is empty"]),
        (HEAD, ["a header and no row"]),
        (b"PK\x03\x04\x00\x00", ["a spreadsheet", "Save it as CSV"]),
        ("id,label,prob_cät\n".encode("latin-1"), ["no CSV in UTF-8"]),
        (GOOD.replace(",", ";"), ["separated by semicolons", "by commas"]),
        (GOOD + "c,dog,0.3\n", ["no whole table", "Expected 4 columns, got 3"]),
        ("id,id,label,prob_a,prob_b\nx,x,a,1,0\n", ["more than one column 'id'"]),
        ("image,y,p\nx,a,1\n", ["no column id and no column label", "no column prob_<class>"]),
        ("id,label,prob_dog\na,dog,0.9\n", ["the only column of answers", "1 less it"]),
        (
            "id,label,prob_a,prob_b,logit_a\nx,a,1,0,2\n",
            ["class b has a column prob_b and no logit_b"],
        ),
        (
            GOOD + "c,Dog,0,1\nd,,0,1\n",
            ["'Dog' in row 4, expected cat, dog: write 'dog'", "blank in row 5"],
        ),
        (GOOD + "c,owl,0,1\n", ["label is 'owl' in row 4", "give the class its column"]),
        (
            GOOD + "c,cat,nan,x\n",
            [
                "prob_cat is no finite number in row 4 ('nan')",
                "prob_dog is no finite number in row 4 ('x')",
            ],
        ),
        (GOOD + "c,cat,1.2,-0.2\n", ["prob_cat, prob_dog is not within 0 and 1 in row 4"]),
        (HEAD + "a,cat,90,10\nb,dog,3,97\n", ["percentages: divide them by 100"]),
        (GOOD + "c,cat,0.9,0.9\n", ["do not sum to 1 in row 4 (to 1.8", "sigmoids"]),
        (
            GOOD + "a,cat,0.9,0.1\n,cat,0.9,0.1\n",
            ["id 'a' is in rows 2, 4", "id is blank in row 5"],
        ),
        (
            "id,label,logit_a,logit_b,prob_a,prob_b\nx,a,2,1,0.1,0.9\n",
            ["not the softmax of logit_<class> in row 2"],
        ),
        (
            "id,label,predicted,prob_a,prob_b\nx,a,b,0.6,0.4\n",
            [
                "not the class of the highest probability in row 2 (b, and not a",
                "blank means no answer",
            ],
        ),
        ("id,label,predicted,prob_a,prob_b\nx,a,,0.6,0.4\n", ["blank in every row"]),
        (HEAD + "a,cat,90%,10%\n", ["('90%')", "percentages: write shares, such as 0.25"]),
        (HEAD + 'a,cat,"0,9","0,1"\n', ["('0,9')", "decimals are written with a point"]),
        ("sep=,\n" + GOOD, ["begins with 'sep=,'", "remove that line"]),
        ("id,label,prob_cat,prob_\na,cat,0.9,0.1\n", ["is called prob_ and names no class"]),
        (
            "ID,label, prob_cat,Prob_Dog\na,cat,0.9,0.1\n",
            ["column 'ID': write 'id'", "' prob_cat': write 'prob_cat'", "write 'prob_Dog'"],
        ),
        (
            "id,label,logit_a,logit_b\nx,a,1e39,0\n",
            ["logit_a is no finite number in row 2 ('1e39')"],
        ),
    ],
)
def test_every_mistake_is_named_with_its_row_and_what_to_do(tmp_path, content, said):
    message = refused(tmp_path, content)
    for part in said:
        assert part in message


def test_an_image_whose_group_is_blank_stands_for_itself(tmp_path):
    rows = "a,cat,1,0,p\nb,dog,0,1,\nc,dog,0,1,\nd,cat,1,0,p\n"
    given = read(tmp_path, "id,label,prob_cat,prob_dog,group\n" + rows)
    assert len(set(given.table.groups.tolist())) == 3
    assert given.table.groups[0] == given.table.groups[3]
    assert any("group of 2 of 4 images is blank" in note for note in given.notes)


def test_mistakes_of_many_rows_are_counted(tmp_path):
    rows = "".join(f"i{n},owl,0.5,0.5\n" for n in range(300))
    assert "in rows 2, 3, 4, 5, 6 and 295 more" in refused(tmp_path, HEAD + rows)


def test_a_folder_or_a_name_of_nothing_is_no_table(tmp_path):
    (tmp_path / "predictions.csv").write_text(GOOD)
    with pytest.raises(ValueError, match=r"is a folder.*Name the file in it"):
        read_given(tmp_path)
    with pytest.raises(ValueError, match="There is no file"):
        read_given(tmp_path / "nothing.csv")


def test_ids_that_name_the_same_images_otherwise_are_recognised():
    own = ["images/cat/1.png", "images/cat/2.png", "images/dog/1.png"]
    theirs = [r"C:\data\images\dog\1.jpg", r"C:\data\images\cat\2.jpg", r"C:\data\images\cat\1.jpg"]
    said = say_other_names(own, theirs)
    assert "'images/cat/1.png' and 'C:\\\\data\\\\images\\\\cat\\\\1.jpg'" in said
    assert "letter by letter" in said
    assert say_other_names(own, ["fruit/apple.png", "fruit/pear.png"]) == ""
