"""Each function's settings, spelled once: stacks write `to_env()`, handlers read `from_env()`."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self


class MissingSettingError(Exception):
    """A function was deployed without a setting it needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings that travel as environment variables named `SLUICE_<FIELD>`."""

    def to_env(self) -> dict[str, str]:
        """The environment variables that carry these settings."""
        return {_variable(field.name): str(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Read the settings back; raises MissingSettingError naming every absent variable."""
        missing = [_variable(f.name) for f in fields(cls) if _variable(f.name) not in env]
        if missing:
            raise MissingSettingError(f"{cls.__name__}: not set: {', '.join(missing)}")
        texts = {field: env[_variable(field.name)] for field in fields(cls)}
        return cls(**{f.name: int(text) if f.type is int else text for f, text in texts.items()})


def _variable(name: str) -> str:
    return f"SLUICE_{name.upper()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSettings(Settings):
    """What route needs; the bucket comes with each event."""

    ledger_table: str
    topic_arn: str
    state_machine_arn: str
    arrivals_queue_url: str
    dead_letter_queue_url: str
    config_key: str = "config/config.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimSettings(Settings):
    """What claim needs."""

    bucket: str
    ledger_table: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InferSchemaSettings(Settings):
    """What infer_schema needs."""

    bucket: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UpsertSettings(Settings):
    """What upsert needs; `copy_role_arn` is the role Redshift reads S3 with."""

    bucket: str
    workgroup: str
    database: str
    copy_role_arn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleSettings(Settings):
    """What settle needs; `log_group` is named in failure notifications."""

    bucket: str
    ledger_table: str
    topic_arn: str
    state_machine_arn: str
    release_machine_arn: str
    log_group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepSettings(Settings):
    """What sweep needs; `most_messages` a run, and the age from which a silent upload is late."""

    bucket: str
    ledger_table: str
    topic_arn: str
    state_machine_arn: str
    arrivals_queue_url: str
    most_messages: int
    patience_seconds: int
    config_key: str = "config/config.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrateSettings(Settings):
    """What migrate needs; it logs in with the namespace's admin secret.

    `procedure_schemas` are names with commas between them.
    """

    workgroup: str
    database: str
    admin_secret_arn: str
    loader_role_name: str
    caller_role_name: str
    procedure_schemas: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitUsageSettings(Settings):
    """What limit_usage needs; the limit itself comes with CloudFormation's request."""

    workgroup: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishJobsSettings(Settings):
    """What publish_jobs needs."""

    bucket: str
    config_key: str = "config/config.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenReleaseSettings(Settings):
    """What open_release needs; `cluster_id` is empty where procedures live in the workgroup."""

    bucket: str
    ledger_table: str
    release_prefix: str
    workgroup: str
    cluster_id: str
    database: str
    limit_seconds: int
    on_error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunProceduresSettings(Settings):
    """What run_procedures needs; `procedure_schemas` are names with commas between them."""

    bucket: str
    ledger_table: str
    workgroup: str
    cluster_id: str
    db_user: str
    procedure_schemas: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseReleaseSettings(Settings):
    """What close_release needs; `log_group` is named in failure notifications."""

    bucket: str
    ledger_table: str
    topic_arn: str
    log_group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseApiSettings(Settings):
    """What release_api needs."""

    state_machine_arn: str
