"""One target under atheris, in the fuzzer's own environment: `child TARGET [libFuzzer options]`."""

import sys

import atheris

with atheris.instrument_imports(include=["config", "lambdas"]):
    from tests.fuzz.targets import PROOF, TARGETS

from tests.fuzz.json_values import changed

_OF_JSON = ("config_parser", "event_parser", "release_file")


def _change(data: bytes, most: int, seed: int) -> bytes:
    return changed(data, most, seed, atheris.Mutate)


def main() -> None:
    """Run until the time is over, or a crash ends the process."""
    name = sys.argv.pop(1)
    target = atheris.instrument_func((TARGETS | PROOF)[name])
    if name in _OF_JSON:
        atheris.Setup(sys.argv, target, custom_mutator=_change)
    else:
        atheris.Setup(sys.argv, target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
