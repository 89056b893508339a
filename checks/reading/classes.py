"""Names of the classes of an output."""

from diagnose.measurements import Network


def class_name(network: Network | None, output: str, index: int) -> str:
    """The name of class number `index`; its number if the output or its names are unknown."""
    named = [head.output for head in network.heads if head.output.name == output] if network is not None else []
    return named[0].class_name(index) if named else str(index)
