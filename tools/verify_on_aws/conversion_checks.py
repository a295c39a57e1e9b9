"""What becomes of a staged value in its target's type, and whether a loss is seen before."""

from collections.abc import Iterator
from dataclasses import dataclass

from lambdas.shared.domain import conversion_sql, types
from lambdas.shared.domain.types import RedshiftType
from tools.verify_on_aws.checks import Check, Finding
from tools.verify_on_aws.scratch import Scratch

_TEXT, _MONEY, _LONG = types.varchar(64), types.decimal(18, 2), types.decimal(38, 10)


@dataclass(frozen=True, slots=True)
class _Conversion:
    """A value in SQL, and what it equals in the target; None where the target cannot hold it."""

    staged: RedshiftType
    target: RedshiftType
    value: str
    equals: str | None

    def __str__(self) -> str:
        return f"{self.value} from {self.staged} into {self.target}"


_CONVERSIONS = (
    _Conversion(_TEXT, types.BOOLEAN, "'Yes'", "TRUE"),
    _Conversion(_TEXT, types.BOOLEAN, "'maybe'", None),
    _Conversion(_TEXT, _LONG, "'-12.50'", "-12.5"),
    _Conversion(_TEXT, _LONG, "'1.12345678919'", None),
    _Conversion(types.decimal(20, 6), _MONEY, "1.99", "1.99"),
    _Conversion(types.decimal(20, 6), _MONEY, "1.999999", None),
    _Conversion(types.decimal(20, 0), types.BIGINT, "5", "5"),
    _Conversion(types.decimal(20, 0), types.BIGINT, "18446744073709551615", None),
    _Conversion(types.DOUBLE, _MONEY, "19.99", "19.99"),
    _Conversion(types.DOUBLE, _MONEY, "0.125", None),
    _Conversion(types.DOUBLE, types.BIGINT, "7", "7"),
    _Conversion(types.DOUBLE, types.BIGINT, "1.7", None),
    _Conversion(types.DOUBLE, types.BIGINT, "1e30", None),
    _Conversion(types.DOUBLE, types.REAL, "1.5", "1.5"),
    _Conversion(types.DOUBLE, types.REAL, "1e300", None),
    _Conversion(types.INTEGER, types.BOOLEAN, "1", "TRUE"),
    _Conversion(types.INTEGER, types.BOOLEAN, "2", None),
    _Conversion(
        types.varbyte(8), types.varbyte(4), "CAST('abcd' AS VARBYTE)", "CAST('abcd' AS VARBYTE)"
    ),
    _Conversion(types.varbyte(8), types.varbyte(2), "CAST('abcd' AS VARBYTE)", None),
)


def _conversions(scratch: Scratch) -> Finding:
    wrong = [told for n, each in enumerate(_CONVERSIONS) for told in _told(scratch, n, each)]
    return Finding(holds=not wrong, observed="; ".join(wrong) or f"all {len(_CONVERSIONS)} values")


def _told(scratch: Scratch, number: int, conversion: _Conversion) -> Iterator[str]:
    """What is wrong with a conversion, if anything."""
    staged, target = conversion.staged, conversion.target
    table = scratch.table(f"conversion_{number}")
    scratch.done(f"CREATE TABLE {table} (a {staged.sql})")
    scratch.done(f"INSERT INTO {table} VALUES ({conversion.value})")
    losses = conversion_sql.losses("a", staged, target)
    cases = " ".join(f"WHEN {each} THEN 1" for each in losses)
    lost = scratch.rows(f"SELECT SUM(CASE {cases} ELSE 0 END) FROM {table}")[0][0] if losses else 0
    if bool(lost) is not (conversion.equals is None):
        yield f"{conversion}: {'a loss is seen' if lost else 'no loss is seen'}"
    elif conversion.equals is not None:
        value = conversion_sql.value("a", staged, target)
        found = scratch.rows(f"SELECT {value} = {conversion.equals} FROM {table}")
        if found != [[True]]:
            yield f"{conversion} is {scratch.rows(f'SELECT {value} FROM {table}')}"


CHECKS = (
    Check(
        name="conversions",
        expected="a value that its target holds goes in as it is, and any other is counted as lost",
        otherwise="a loss that is not seen changes values in silence, one that is seen too much"
        " rejects good files. Mend that conversion in lambdas/shared/domain/conversion_sql.py",
        ask=_conversions,
    ),
)
