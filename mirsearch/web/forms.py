"""Read a form into a model of its fields, and name the first that is wrong."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData

from mirsearch.web.problems import Problem, ProblemError
from mirsearch.web.state import validation_problem

Model = TypeVar("Model", bound=BaseModel)


def read_form(
    model: type[Model], form: FormData, lists: Collection[str], files: str, left_out: Collection[str] = ()
) -> Model:
    """Return what a form holds. ProblemError (422) names the first field that is wrong.

    Fields in `lists` may be repeated, `files` is the one that takes files, and `left_out` are not of the model. Empty
    fields are not given. FastAPI's own reading of a form looks at every field of the model anew for each request, which
    takes as long as a search itself.
    """
    values: dict[str, Any] = {}
    for name, value in form.multi_items():
        if name in left_out or value == "":
            continue
        if not isinstance(value, str) and name != files:
            raise ProblemError(Problem(422, f"{name}: a file is not expected there", f"send files as {files}"))
        if name in lists:
            values.setdefault(name, []).append(value)
        else:
            values[name] = value
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ProblemError(validation_problem(error.errors(), 422)) from error
