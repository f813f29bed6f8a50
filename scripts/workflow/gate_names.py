"""Gates by the names that conf/gate has for them; needs nothing but the text of a configuration."""

SHORT = {"No": "none", "TwoStage": "two_stage"}


def name_gate(target: str, unsupervised: bool = False) -> str:
    """The name of a gate's file in conf/gate.

    Args:
        target: Its class, with or without the path of its module.
        unsupervised: Whether its locator learns from the labels alone.
    """
    if unsupervised:
        return "two_stage_unsupervised"
    name = target.rpartition(".")[2].removesuffix("Gate")
    return SHORT.get(name, name.lower())
