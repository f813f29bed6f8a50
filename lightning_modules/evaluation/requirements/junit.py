"""Verdicts as JUnit XML, which GitLab, Jenkins and others show as tests."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

from lightning_modules.evaluation.requirements.verdicts import Verdict
from lightning_modules.run_files import write_bytes

# characters that XML 1.0 does not have
ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(
    path: Path, verdicts: Sequence[Verdict], suite: str, properties: Mapping[str, str]
) -> None:
    """Write one test case a requirement, with its failure if it is not met.

    Args:
        path: The file.
        verdicts: In the order of the requirements.
        suite: What was evaluated.
        properties: What else is worth knowing, name to text.
    """
    counts = {"tests": str(len(verdicts)), "failures": str(sum(not one.met for one in verdicts))}
    root = ElementTree.Element("testsuites", {"name": "requirements", **counts, "errors": "0"})
    one_suite = ElementTree.SubElement(
        root, "testsuite", {"name": _clean(suite), **counts, "errors": "0", "skipped": "0"}
    )
    listed = ElementTree.SubElement(one_suite, "properties")
    for name, value in properties.items():
        ElementTree.SubElement(listed, "property", {"name": _clean(name), "value": _clean(value)})
    for verdict in verdicts:
        required = verdict.requirement
        case = ElementTree.SubElement(
            one_suite,
            "testcase",
            {
                "classname": "requirements",
                "name": _clean(f"{required.name} {required.text}"),
                "time": "0",
            },
        )
        if not verdict.met:
            failure = ElementTree.SubElement(
                case, "failure", {"message": _clean(verdict.sentence), "type": "RequirementNotMet"}
            )
            failure.text = _clean(f"{verdict.sentence} (line {required.line} of the file)")
        else:
            ElementTree.SubElement(case, "system-out").text = _clean(verdict.sentence)
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    write_bytes(path, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode())


def _clean(text: str) -> str:
    return ILLEGAL.sub("?", text)
