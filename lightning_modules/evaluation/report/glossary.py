"""What the words of a report mean, for readers who know no statistics."""

GLOSSARY = {
    "95 % interval": (
        "Where the true value probably lies: computed so that in 95 of 100 such tests the true "
        "value is inside. A wide interval means that the test was too small to know better."
    ),
    "abstain": "To give no answer, and leave the image to a person.",
    "accuracy": (
        "Share of the images that got the right answer. Misleading where one class is much more "
        "frequent than the others: always naming that class already scores high."
    ),
    "AUROC": (
        "Picks one image of the class and one of another class at random: how often does the one "
        "of the class get the higher score? 0.5 is guessing, 1 is perfect. (Area under the "
        "receiver operating characteristic curve.)"
    ),
    "average precision": (
        "One number for the whole curve of precision against recall. Guessing reaches the share "
        "of the class among the images; 1 is perfect."
    ),
    "background": "Everything of an image outside its region of interest.",
    "background gap": (
        "Accuracy with backgrounds of the same class minus accuracy with backgrounds drawn at "
        "random. 0: the background does not matter. Large: the model reads the background."
    ),
    "balanced accuracy": (
        "The share of right answers of each class, averaged over the classes, so that a rare "
        "class counts as much as a frequent one. Guessing reaches 1 divided by the number of "
        "classes."
    ),
    "bootstrap": (
        "The test is repeated many times on images (or groups) drawn anew from the same test, to "
        "see how much the number would change with other images."
    ),
    "Brier score": (
        "Mean squared distance between the predicted probabilities and what was true. 0 is "
        "perfect; it punishes wrong and over-confident answers."
    ),
    "calibration": (
        "Whether probabilities can be taken at their word: of the answers given with 80 %, about "
        "80 of 100 should be right."
    ),
    "calibration intercept": (
        "0 is right. Above 0: the second class is more frequent than the probabilities say; below "
        "0: less frequent."
    ),
    "calibration slope": (
        "1 is right. Below 1: probabilities are too extreme, too near 0 and 1; above 1: too timid."
    ),
    "class": "One of the answers that the model can give.",
    "confusion matrix": (
        "A table with a row for each true class and a column for each answer. Right answers stand "
        "on the diagonal, and each cell off it is one kind of mistake."
    ),
    "decision curve": (
        "Whether acting on the model's answers does more good than treating everybody or nobody, "
        "for each probability from which one would act (net benefit; Vickers and Elkin 2006)."
    ),
    "ECE": (
        "Expected calibration error: by how much probabilities and the share of right answers "
        "differ on average. 0 is perfect; 0.05 means five points. It stands without an interval: "
        "chance lifts it above 0 even where all probabilities are right (to 0.06 with 200 images, "
        "0.03 with 1,000), and no interval that was tried then holds the truth as often as it says."
    ),
    "epoch": "One pass over all training images.",
    "F1": (
        "One number for precision and recall of a class together (their harmonic mean); 1 is "
        "perfect."
    ),
    "flip rate": (
        "Share of images whose answer changes when only the background is exchanged. 0: none "
        "did; of few images that says little, and the interval tells how little."
    ),
    "gate": (
        "The part of the model that hides everything outside the region of interest before the "
        "network sees the image."
    ),
    "group": (
        "What images belong together: all pictures of one person, patient or object. A group is "
        "never in training and test at once, and intervals count groups, because pictures of one "
        "person are not independent of each other."
    ),
    "heat map": (
        "Colours the parts of an image that raised the score of the answer (Grad-CAM). A hint, no "
        "proof: what happens when the background is exchanged counts more."
    ),
    "log loss": (
        "Punishes probabilities that were wrong, confident ones most. 0 is perfect; guessing "
        "reaches the logarithm of the number of classes."
    ),
    "loss": "What training makes small: the distance between answers and truth.",
    "macro F1": "The mean of the F1 of all classes; a rare class counts as much as a frequent one.",
    "mask": "The part of an image that the gate lets through.",
    "mask-only accuracy": (
        "Accuracy when the inside of the region is painted over and only its outline is left. "
        "Above chance: the outline itself tells the class."
    ),
    "margin": "Pixels by which the mask is larger (or, negative, smaller) than the region.",
    "operating point": (
        "The probability from which the positive class is answered. It is chosen by a "
        "stated rule on images that are not those of the test, and then left alone."
    ),
    "negative predictive value": (
        "Of the images that were not taken for the positive class, the share that is not of it."
    ),
    "p-value": (
        "How often chance alone would make a difference as large as this one or larger if both "
        "were equally good. Below 0.05 one does not believe in chance. It does not say how large "
        "or how important a difference is."
    ),
    "positive predictive value": (
        "Of the images that were taken for the positive class, the share that is. It holds where "
        "the class is as frequent as in this test."
    ),
    "positive class": "The class that one looks for, such as the illness or the defect.",
    "precision": "Of the images that were answered with a class, the share that belong to it.",
    "probability": (
        "How sure the model says it is. Whether it can be taken at its word is a question of "
        "calibration."
    ),
    "recall": (
        "Of the images of a class, the share that the model found. Called sensitivity for the "
        "positive class."
    ),
    "reliability diagram": (
        "Compares how sure the answers were with how many were right. On the diagonal both agree; "
        "below it the model is over-confident."
    ),
    "region of interest": (
        "The part of an image that should decide, as drawn or detected by the user (ROI): the "
        "face, the cell, the lesion."
    ),
    "risk-coverage curve": (
        "The share of wrong answers among the images that are answered, when the most unsure ones "
        "are left to a person."
    ),
    "ROC curve": (
        "For each threshold: how many of the class are found, against how many of the others are "
        "wrongly taken for it."
    ),
    "seed": "The number from which all randomness of a run comes; the same seed, the same run.",
    "sensitivity": "Share of the images of the positive class that are found.",
    "slice": "Part of the test images that share something: a site, a background, a device.",
    "specificity": "Share of the images of the other classes that are not taken for positive ones.",
    "split": (
        "Who sees which images: training (to learn), validation (to choose), test (to judge, once)."
    ),
    "temperature": (
        "One number, fitted on images that are not those of the test, that makes probabilities "
        "less extreme (above 1) or more extreme (below 1) without changing any answer."
    ),
    "worst group": (
        "The slice and class with the lowest accuracy; an average can hide it. The worst of "
        "several is partly bad luck, so its interval is made wider, the more of them there are."
    ),
}
