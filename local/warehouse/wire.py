"""The shapes of the Redshift Data API, as botocore's own service model has them.

Requests and responses are plain JSON: times are numbers of seconds, blobs are base64 text.
"""

import re
from functools import cache
from typing import Any

import botocore.loaders
from botocore.model import (
    ListShape,
    OperationModel,
    ServiceModel,
    Shape,
    StringShape,
    StructureShape,
)
from botocore.validate import ParamValidator

from local.warehouse.errors import DataApiError, validation_error


class WireError(AssertionError):
    """A response that is not of its shape: a mistake in this package, never the caller's."""


@cache
def _service() -> ServiceModel:
    loader = botocore.loaders.Loader()
    return ServiceModel(loader.load_service_model("redshift-data", "service-2"), "redshift-data")


def operation(name: str) -> OperationModel:
    """The model of an operation; raises DataApiError for one the service does not have."""
    if name not in _service().operation_names:
        raise DataApiError("UnknownOperationException", f"{name} is not an operation")
    return _service().operation_model(name)


def check_request(name: str, request: dict[str, Any]) -> None:
    """Raise DataApiError (ValidationException) unless the request is of its shape."""
    shape = _shape(operation(name).input_shape)
    report = ParamValidator().validate(request, shape)
    if report.has_errors():
        raise validation_error(report.generate_report())
    if problem := _problem(shape, request, ""):
        raise validation_error(f"1 validation error detected: {problem}")


def check_response(name: str, response: dict[str, Any]) -> None:
    """Raise WireError unless the response is of its shape."""
    shape = _shape(operation(name).output_shape)
    report = ParamValidator().validate(response, shape)
    if report.has_errors():
        raise WireError(f"{name}: {report.generate_report()}")
    if problem := _problem(shape, response, ""):
        raise WireError(f"{name}: {problem}")


def _shape(shape: StructureShape | None) -> StructureShape:
    if shape is None:
        raise WireError("every operation of the service has an input and an output")
    return shape


def check_error(error: DataApiError) -> None:
    """Raise WireError unless the error is one the service has, with all its members."""
    shapes = {shape.name: shape for shape in _service().error_shapes}
    if error.code not in shapes:
        return  # errors common to all services have no shape here
    missing = set(shapes[error.code].required_members) - {"Message", *error.members}
    if missing:
        raise WireError(f"{error.code} needs {', '.join(sorted(missing))}")


def _problem(shape: Shape | None, value: Any, path: str) -> str:
    """The first broken enum, pattern or upper limit: what botocore leaves to the service."""
    if isinstance(shape, StructureShape):
        return next(
            filter(None, (_problem(shape.members[key], item, key) for key, item in value.items())),
            "",
        )
    if isinstance(shape, ListShape):
        if _is_plain(shape.member):
            return ""
        return next(filter(None, (_problem(shape.member, item, path) for item in value)), "")
    if isinstance(shape, StringShape):
        return _text_problem(shape, value, path)
    maximum = shape.metadata.get("max") if shape is not None else None
    if maximum is not None and value > maximum:
        return (
            f"Value '{value}' at '{path}' failed to satisfy constraint:"
            f" Member must have value less than or equal to {maximum}"
        )
    return ""


def _text_problem(shape: StringShape, value: str, path: str) -> str:
    failed = f"Value '{value[:100]}' at '{path}' failed to satisfy constraint: Member must"
    if shape.enum and value not in shape.enum:
        return f"{failed} satisfy enum value set: [{', '.join(shape.enum)}]"
    maximum = shape.metadata.get("max")
    if maximum is not None and len(value) > maximum:
        return f"{failed} have length less than or equal to {maximum}"
    pattern = shape.metadata.get("pattern")
    # the model escapes its backslashes once more than a regular expression has them
    if pattern is not None and not re.fullmatch(pattern.replace("\\\\", "\\"), value):
        return f"{failed} satisfy regular expression pattern: {pattern}"
    return ""


@cache
def _is_plain(shape: Shape) -> bool:
    """Whether nothing below a shape is constrained: rows of results are many."""
    if isinstance(shape, StructureShape):
        return all(_is_plain(member) for member in shape.members.values())
    if isinstance(shape, ListShape):
        return _is_plain(shape.member)
    constrained = {"max", "pattern"} & set(shape.metadata)
    return not constrained and not (isinstance(shape, StringShape) and shape.enum)
