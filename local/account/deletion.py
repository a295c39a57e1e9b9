"""The end of a stack: what was made last goes first, what the template keeps stays."""

from typing import Any

from moto.cloudformation.exceptions import ValidationError

_KEPT = ("Retain", "RetainExceptOnCreate")


def delete_resources(resources: Any) -> None:
    """Delete the resources of a stack that its template does not keep.

    `resources` is moto's ResourceMap. One that others still use is tried again once they are gone;
    raises ValidationError naming those that cannot be deleted.
    """
    templates, made = resources._resource_json_map, resources._parsed_resources
    pending = [
        name
        for name in reversed(list(made))  # parameters and pseudo-parameters are in it, too
        if name in templates and templates[name].get("DeletionPolicy") not in _KEPT
    ]
    while pending:
        refused: dict[str, Exception] = {}
        for name in pending:
            try:
                if made[name] is not None:  # its condition does not hold
                    resources._delete_resource(made[name], templates[name])
            except Exception as error:  # noqa: BLE001 -- whatever the resource's service says
                refused[name] = error
            else:
                made.pop(name)
        if len(refused) == len(pending):
            raise ValidationError(
                message="; ".join(
                    f"{name} ({templates[name]['Type']}):"
                    f" {getattr(error, 'message', None) or str(error) or type(error).__name__}"
                    for name, error in refused.items()
                )
            )
        pending = list(refused)


def find(stacks: dict[str, Any], name_or_id: str) -> Any:
    """A stack that is not deleted, by its name or id; None if there is none."""
    return next((s for s in stacks.values() if name_or_id in (s.name, s.stack_id)), None)


def delete_stack(backend: Any, name_or_id: str, original: Any) -> None:
    """Delete a stack unless it is protected; one that cannot be deleted whole is still there."""
    stack = find(backend.stacks, name_or_id)
    if stack is None:
        return  # CloudFormation takes that for done
    if protected(stack):
        raise ValidationError(
            message=f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled"
        )
    try:
        original(backend, stack.stack_id)
    except Exception:
        stack.status = "DELETE_FAILED"
        backend.stacks[stack.stack_id] = stack
        raise


def protected(stack: Any) -> bool:
    """Whether a stack has termination protection; the query protocol says true as text."""
    return str(stack.enable_termination_protection).lower() == "true"
