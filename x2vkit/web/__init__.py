"""The model as a web page: export of weights, and what a browser computes with them."""

from importlib.util import find_spec

from x2vkit.errors import X2VError


def check_installed(what: str) -> None:
    """Raise X2VError where the package onnx is missing, before anything heavy loads."""
    if find_spec("onnx") is None:
        raise X2VError(what, "making a page needs the package onnx", 'pip install "x2vkit[page]"')
