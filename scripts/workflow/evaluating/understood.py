"""Keys of evaluate.py that mean something where no model is asked; all others are refused."""

from workflow.call import Call
from workflow.resuming.config_hash import covers


def refuse_others(call: Call, key: str, understood: tuple[str, ...], because: str) -> list[str]:
    """Stop where something was typed that cannot go with a key.

    Args:
        call: How it was asked for.
        key: That decides what is evaluated.
        understood: Keys that may stand beside it, and all that is below them.
        because: Why no other may.

    Returns:
        The keys that were typed.

    Raises:
        ValueError: All that was typed in vain is named.
    """
    typed = [word.lstrip("+~").partition("=")[0] for word in call.overrides]
    allowed = (key, "traceback", "debug", *understood)
    # sets= is what data=a,b becomes
    senseless = [one for one in typed if not covers(allowed, one) and one != "sets"]
    if senseless:
        raise ValueError(
            f"{', '.join(senseless)} cannot go with {key}=: {because} Beside {key} there are "
            f"{', '.join(understood)}."
        )
    return typed
