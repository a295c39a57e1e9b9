"""One target under atheris, in the fuzzer's own environment: `child TARGET [libFuzzer options]`."""

import sys

import atheris

with atheris.instrument_imports(include=["config", "lambdas"]):
    from tests.fuzz.targets import PROOF, TARGETS


def main() -> None:
    """Run until the time is over, or a crash ends the process."""
    target = atheris.instrument_func((TARGETS | PROOF)[sys.argv.pop(1)])
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
