"""What a gate's promise means: goes on from "the gate promises"."""

# by the name of the promise in metrics.json
PROMISED = {
    "exact": "that nothing outside the mask can change an answer, not by a bit",
    "exact_given_mask": "that nothing outside the predicted mask can change an answer, not by a "
    "bit",
    "none": "nothing: the network may read the background",
}
