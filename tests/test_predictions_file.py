"""predictions.csv: written, read back, refused."""

import csv

import numpy as np
import pytest
from test_slices import predictions

from lightning_modules.evaluation.predictions_file import read_predictions, write_predictions


def test_columns_of_the_source_never_overwrite_a_prediction(tmp_path):
    table = predictions([0, 1], [0, 1], prob_cat=["p", "q"], site=["a", "b"])
    table.columns["predicted"] = np.array(["x", "y"])
    write_predictions(table, tmp_path / "predictions.csv")
    with (tmp_path / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["predicted"] for row in rows] == ["cat", "dog"]
    assert [row["source_predicted"] for row in rows] == ["x", "y"]
    assert rows[0]["source_prob_cat"] == "p"
    assert float(rows[0]["prob_cat"]) == pytest.approx(np.e / (1 + np.e))
    assert [row["site"] for row in rows] == ["a", "b"]


def test_columns_come_back_by_their_own_names(tmp_path):
    table = predictions([0, 1], [0, 1], weight_kg=["heavy", "light"], mask_dice=["so", "so"])
    table.columns |= {name: np.array(["x", "y"]) for name in ("prob_cat", "logit_cat", "predicted")}
    table.region_weights = {"eyes": np.array([0.25, 0.5])}
    write_predictions(table, tmp_path / "predictions.csv")
    back = read_predictions(tmp_path / "predictions.csv")
    assert {name: values.tolist() for name, values in back.columns.items()} == {
        name: values.tolist() for name, values in table.columns.items()
    }
    assert back.region_weights["eyes"].tolist() == [0.25, 0.5]
    assert list(back.class_names) == ["cat", "dog"] and not back.mask_quality


def test_a_table_comes_back_to_the_last_bit(tmp_path):
    rng = np.random.default_rng(0)
    table = predictions([0, 1, 1], [0, 1, 0], site=["a", "", 'with "quotes", and\nlines'])
    table.logits = rng.standard_normal((3, 2)).astype(np.float32)
    table.groups = np.array(["p1", "", "p2"])
    table.mask_origin[1] = "abstain"
    table.region_weights = {"eyes": np.array([0.25, 0.5, 0.125])}
    table.mask_quality = {"mask_dice": np.array([0.5, np.nan, 1.0])}
    write_predictions(table, tmp_path / "first.csv")
    back = read_predictions(tmp_path / "first.csv")
    write_predictions(back, tmp_path / "second.csv")
    assert (tmp_path / "first.csv").read_bytes() == (tmp_path / "second.csv").read_bytes()
    assert back.logits.dtype == np.float32
    assert np.array_equal(back.logits, table.logits)
    assert back.groups.tolist() == ["p1", "", "p2"]
    assert back.columns["site"].tolist() == table.columns["site"].tolist()
    assert back.region_weights["eyes"].tolist() == [0.25, 0.5, 0.125]
    assert back.answered.ids == ["0", "2"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "no column id, label"),
        ("", "is no table of predictions"),
        (
            "id,label,predicted,group,mask_origin,mask_share,roi_share,logit_a,logit_b\n"
            "1,c,a,,given,1,1,0,1\n",
            "column label has c, expected a, b",
        ),
        (
            "id,label,predicted,group,mask_origin,mask_share,roi_share,logit_a,logit_b\n",
            "no row",
        ),
        (
            "id,label,predicted,group,mask_origin,mask_share,roi_share,logit_a,logit_b\n"
            "1,a,a,,given,1,1,zero,1\n",
            "column logit_a",
        ),
    ],
)
def test_what_is_no_table_of_predictions_is_refused(tmp_path, text, said):
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=said) as refused:
        read_predictions(path)
    assert str(path) in str(refused.value)
