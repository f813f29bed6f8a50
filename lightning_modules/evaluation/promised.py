"""What a gate's promise means, in words."""

# by the name of the promise in metrics.json
PROMISED = {
    "exact": "nothing outside the mask can change an answer, not by a bit",
    "exact_given_mask": "nothing outside the predicted mask can change an answer, not by a bit",
    "none": "nothing: the network may read the background",
}
