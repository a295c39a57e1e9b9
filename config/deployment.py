"""Where and how an environment is deployed: the model of `config/environments/<name>.json`.

It also names every resource that one stack owns and another uses: names are a function of the
environment, so stacks find each other by name and none exports anything.
"""

import difflib
import json
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

RUNTIME: Final = "python3.12"
"""The runtime the functions are deployed on; their code runs on 3.11 to 3.13."""

ENVIRONMENTS = Path(__file__).parent / "environments"

Step = Literal[
    "route", "claim", "infer_schema", "upsert", "settle", "sweep", "migrate", "limit_usage",
    "publish_jobs", "open_release", "run_procedures", "close_release", "release_api",
]  # fmt: skip
"""The functions; each has its folder under lambdas/."""

AT_DEPLOYMENT: Final[tuple[Step, ...]] = ("migrate", "limit_usage", "publish_jobs")
"""Those that only a deployment calls; their failure is its failure."""

Key = Literal["data", "messages", "warehouse", "operations"]
"""What each customer-managed key protects."""

Days = Annotated[int, Field(ge=1, le=3653)]


class InvalidDeploymentError(ValueError):
    """An environment's file cannot be used; the message names every fault in it."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _step(rpu: int) -> int:
    """As Redshift Serverless counts: 4, then by 8 to 512, then by 32.

    https://docs.aws.amazon.com/redshift/latest/mgmt/serverless-capacity.html
    """
    step = 8 if rpu <= 512 else 32
    if rpu != 4 and rpu % step:
        below = rpu - rpu % step or 4
        raise ValueError(
            f"{rpu} is no step of Redshift Serverless; next to it are"
            f" {below} and {rpu - rpu % step + step}"
        )
    return rpu


Capacity = Annotated[int, Field(ge=4, le=1024), AfterValidator(_step)]


class WarehouseSize(_Model):
    """What the workgroup may use, in Redshift Processing Units."""

    base_rpu: Capacity
    max_rpu: Capacity = Field(description="Where scaling ends, and the bill.")
    daily_rpu_hours: int | None = Field(
        default=None,
        ge=1,
        description="What a day may use; null: no limit. An alarm warns at four fifths.",
    )
    breach_action: Literal["log", "emit-metric", "deactivate"] = Field(
        default="deactivate",
        description="What the workgroup does when a day's limit is reached. Only deactivate keeps"
        " it: queries and loads are refused until the next day (docs/security.md).",
    )
    rpu_hour_usd: float = Field(
        default=0.375,
        gt=0,
        description="What an RPU-hour costs in the region; the dashboard multiplies with it."
        " https://aws.amazon.com/redshift/pricing/",
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.max_rpu < self.base_rpu:
            raise ValueError(f"max_rpu {self.max_rpu} is below base_rpu {self.base_rpu}")
        return self


class Network(_Model):
    """The network of the workgroup, and of the functions if they are inside it."""

    cidr: str = Field(default="10.0.0.0/20", pattern=r"^\d{1,3}(\.\d{1,3}){3}/(1[6-9]|2[0-2])$")
    zones: list[Annotated[str, Field(pattern=r"^[a-z]$")]] = Field(
        default=["a", "b", "c"],
        min_length=3,
        max_length=6,
        description="Letters of the region's zones; Redshift Serverless needs three.",
    )
    functions_inside: bool = Field(
        default=False,
        description="Inside, functions reach AWS by interface endpoints, which cost by the hour.",
    )
    nat_gateways: int = Field(
        default=0, ge=0, le=6, description="0: nothing in the network reaches the internet."
    )

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if len(set(self.zones)) < len(self.zones):
            raise ValueError(f"zones {self.zones} name one zone twice")
        if self.nat_gateways > len(self.zones):
            raise ValueError(f"nat_gateways {self.nat_gateways} are more than the zones")
        return self


class Retention(_Model):
    """How long things are kept."""

    log_days: Literal[1, 7, 14, 30, 90, 365, 731] = 30
    noncurrent_days: int = Field(
        default=30,
        ge=7,
        le=3653,
        description="Overwritten versions, but those of uploads that no job has loaded.",
    )
    work_days: Days = Field(default=14, description="Manifests and plans under work/.")
    raw_days: Days | None = Field(
        default=None, description="Raw copies, which a replay needs; null keeps them."
    )
    access_log_days: Days = Field(default=90, description="Who asked S3 for what.")
    backup_days: int | None = Field(
        default=None,
        ge=1,
        le=3653,
        description="Daily backups of the ledger and the warehouse; null makes none.",
    )


class Slack(_Model):
    """A channel for alarms; the workspace is authorized by hand, once, in the console."""

    workspace_id: str = Field(pattern=r"^T[A-Z0-9]{8,}$")
    channel_id: str = Field(pattern=r"^[CG][A-Z0-9]{8,}$")


class Alerts(_Model):
    """Who is told, and when the bill is news."""

    emails: list[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]] = []
    slack: Slack | None = None
    pagerduty_secret: str | None = Field(
        default=None,
        pattern=r"^[\w/+=.@-]+$",
        description="A secret of Secrets Manager whose text is PagerDuty's https URL.",
    )
    monthly_budget_usd: int | None = Field(default=None, ge=1, description="null: no budget.")
    oldest_unloaded_minutes: int = Field(
        default=60, ge=1, le=1440, description="How long a file may wait before somebody is told."
    )


class Delivery(_Model):
    """Which repository's workflows may deploy here."""

    repository: str = Field(
        pattern=r"^[A-Za-z0-9](-?[A-Za-z0-9]){0,38}/[\w.-]{1,100}$",
        description="owner/name on GitHub.",
    )
    subject: str | None = Field(
        default=None,
        pattern=r"^repo:[\w.@/-]+$",
        description="How the `sub` of the repository's tokens begins, as its OIDC settings show it:"
        " newer repositories have their numbers in it. null: `repo:` and the repository.",
    )
    branch: str = Field(default="main", pattern=r"^[\w./-]+$")
    creates_provider: bool = Field(
        default=True,
        description="An account has one provider for GitHub; false where it has it already.",
    )

    @property
    def subject_prefix(self) -> str:
        """What comes before `:environment:` in a token's `sub`."""
        return self.subject or f"repo:{self.repository}"


class FunctionSize(_Model):
    """What one function gets; its share of a CPU grows with its memory."""

    memory_mb: int = Field(ge=128, le=10_240)
    timeout_seconds: int = Field(ge=1, le=900)


class FunctionSizes(_Model):
    """Every function's size."""

    route: FunctionSize = FunctionSize(memory_mb=512, timeout_seconds=60)
    claim: FunctionSize = FunctionSize(memory_mb=1024, timeout_seconds=900)
    infer_schema: FunctionSize = FunctionSize(memory_mb=1769, timeout_seconds=900)
    upsert: FunctionSize = FunctionSize(memory_mb=512, timeout_seconds=900)
    settle: FunctionSize = FunctionSize(memory_mb=512, timeout_seconds=900)
    sweep: FunctionSize = FunctionSize(memory_mb=512, timeout_seconds=900)
    migrate: FunctionSize = FunctionSize(memory_mb=512, timeout_seconds=900)
    limit_usage: FunctionSize = FunctionSize(memory_mb=512, timeout_seconds=120)
    publish_jobs: FunctionSize = FunctionSize(memory_mb=512, timeout_seconds=60)
    open_release: FunctionSize = FunctionSize(memory_mb=512, timeout_seconds=300)
    run_procedures: FunctionSize = FunctionSize(memory_mb=512, timeout_seconds=900)
    close_release: FunctionSize = FunctionSize(memory_mb=512, timeout_seconds=300)
    release_api: FunctionSize = FunctionSize(memory_mb=512, timeout_seconds=29)


class Sweeps(_Model):
    """How often what was overlooked is looked for, and how much of it goes in at once."""

    every_minutes: int = Field(default=15, ge=2, le=1440)
    most_messages: int = Field(
        default=20_000, ge=10, le=1_000_000, description="Files a run sends; the next goes on."
    )
    patience_seconds: int = Field(
        default=300, ge=0, le=86_400, description="A younger upload has its own event under way."
    )


class Limits(_Model):
    """What keeps a burst or a poison message in bounds."""

    route_concurrency: int = Field(default=10, ge=2, le=1000)
    max_receive_count: int = Field(
        default=5, ge=1, le=1000, description="Deliveries before a message is a dead letter."
    )
    sweeps: Sweeps = Sweeps()
    functions: FunctionSizes = FunctionSizes()


class Cluster(_Model):
    """A provisioned cluster, for procedures that do not live in the workgroup."""

    cluster_id: str = Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")
    database: str = Field(pattern=r"^[a-z_][a-z0-9_$]{0,126}$")
    db_user: str = Field(pattern=r"^[a-z_][a-z0-9_.@+-]{0,126}$", description="It is not made.")


class Procedures(_Model):
    """Stored procedures by release file: which, how long, and what starts them."""

    prefix: str = Field(
        default="Redshift/Rel",
        pattern=r"^[\w./=-]+$",
        description="Releases are the objects whose keys begin so and end in .txt.",
    )
    schemas: list[Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_$]{0,126}$")]] = Field(
        default=["public"], min_length=1, description="Only procedures of these schemas are called."
    )
    limit_seconds: int = Field(
        default=300, ge=1, le=86_400, description="A call that runs longer is cancelled."
    )
    on_error: Literal["continue", "stop"] = "continue"
    on_upload: bool = Field(default=True, description="An uploaded release runs by itself.")
    schedule: str | None = Field(
        default=None,
        pattern=r"^(rate|cron|at)\(.+\)$",
        description="When the newest release that has not run is run; null: never by the clock.",
    )
    cluster: Cluster | None = Field(
        default=None, description="null: procedures of the workgroup are called."
    )


class Deployment(_Model):
    """One environment."""

    environment: str = Field(pattern=r"^[a-z][a-z0-9]{1,15}$")
    account: Annotated[str, Field(pattern=r"^\d{12}$")] | None = Field(
        default=None, description="null: whichever account is deployed to."
    )
    region: str = Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")
    # python3.11 runs on Amazon Linux 2, whose C library is too old for pyarrow's wheels
    runtime: Literal["python3.12", "python3.13"] = RUNTIME
    architecture: Literal["arm64", "x86_64"] = "arm64"
    dependencies: Literal["layers", "host"] = Field(
        default="layers", description="host: the emulated account's own Python has them."
    )
    tracing: bool = Field(default=True, description="X-Ray traces of functions and executions.")
    warehouse: WarehouseSize
    network: Network | None = Field(
        default=None, description="null: the account's default one, which suits only emulation."
    )
    removal_policy: Literal["retain", "destroy"] = "retain"
    termination_protection: bool = False
    alerts: Alerts = Alerts()
    delivery: Delivery | None = Field(
        default=None, description="null: people deploy, and no workflow may."
    )
    retention: Retention = Retention()
    limits: Limits = Limits()
    procedures: Procedures = Procedures()
    tags: dict[str, str] = {}

    @model_validator(mode="after")
    def _roomy(self) -> Self:
        """In each zone a workgroup takes an address for 4 RPU, and 5 more, of six zones at most.

        https://docs.aws.amazon.com/redshift/latest/mgmt/serverless-usage-considerations.html
        """
        rpu, cidr = self.warehouse.base_rpu, self.network.cidr if self.network else "/16"
        if rpu > 256 and int(cidr.rpartition("/")[2]) > 20:
            raise ValueError(
                f"network.cidr {cidr} is too small: {rpu} RPU take {rpu // 4 + 5} addresses in each"
                " zone; give it a /20 or larger"
            )
        return self

    @classmethod
    def load(cls, environment: str, *, folder: Path = ENVIRONMENTS) -> Self:
        """Read an environment's file; raises InvalidDeploymentError naming every fault."""
        path = folder / f"{environment}.json"
        if not path.is_file():
            known = ", ".join(sorted(p.stem for p in folder.glob("*.json")))
            raise InvalidDeploymentError(f"no environment {environment!r}; known: {known}")
        try:
            deployment = cls.model_validate(json.loads(path.read_text("utf-8")))
        except json.JSONDecodeError as error:
            raise InvalidDeploymentError(f"{path.name} is not JSON: {error}") from error
        except ValidationError as error:
            raise InvalidDeploymentError(f"{path.name}: {_faults(error)}") from error
        if deployment.environment != environment:
            raise InvalidDeploymentError(
                f"{path.name} says environment {deployment.environment!r}; rename one of them"
            )
        return deployment

    def name(self, noun: str) -> str:
        """The name of something this environment has one of."""
        return f"sluice-{self.environment}-{noun}"

    def function(self, step: Step) -> str:
        """A function's name, and its role's: who it is in the warehouse."""
        return self.name(step.replace("_", "-"))

    def bucket(self, account: str) -> str:
        """The data bucket; bucket names are shared by all accounts of the world."""
        return self.name(f"data-{account}-{self.region}")

    def access_log_bucket(self, account: str) -> str:
        """The bucket of S3's own log of the data bucket."""
        return self.name(f"access-logs-{account}-{self.region}")

    def shared(self, noun: str) -> str:
        """The parameter by which one stack tells another what AWS named for it."""
        return f"/sluice/{self.environment}/{noun}"

    @property
    def ledger_table(self) -> str:
        """The table of files, pools and leases."""
        return self.name("ledger")

    @property
    def topic(self) -> str:
        """The topic of notifications."""
        return self.name("notices")

    @property
    def alarm_topic(self) -> str:
        """The topic of alarms."""
        return self.name("alarms")

    @property
    def dashboard(self) -> str:
        """The dashboard."""
        return self.name("dashboard")

    @property
    def arrivals(self) -> str:
        """The queue of everything that route must look at."""
        return self.name("arrivals")

    @property
    def arrivals_dead_letters(self) -> str:
        """Messages that route could not handle."""
        return self.name("arrivals-dead-letters")

    @property
    def events_dead_letters(self) -> str:
        """Events that EventBridge could not put into the queue."""
        return self.name("events-dead-letters")

    @property
    def releases_dead_letters(self) -> str:
        """Events that should have started a release and could not."""
        return self.name("releases-dead-letters")

    @property
    def load_machine(self) -> str:
        """The load state machine."""
        return self.name("load")

    @property
    def release_machine(self) -> str:
        """The release state machine."""
        return self.name("release")

    @property
    def workgroup(self) -> str:
        """The workgroup, and its namespace."""
        return f"sluice-{self.environment}"

    @property
    def database(self) -> str:
        """The namespace's database."""
        return "dev"

    @property
    def admin(self) -> str:
        """The namespace's admin user."""
        return "admin"

    @property
    def admin_secret(self) -> str:
        """The secret in which Redshift keeps the admin's password; it chooses this name."""
        return f"redshift!{self.workgroup}-{self.admin}"

    @property
    def copy_role(self) -> str:
        """The role with which Redshift reads the data bucket."""
        return self.name("copy")

    @property
    def loader_policy(self) -> str:
        """What the loader may do with the workgroup."""
        return self.name("loader")

    @property
    def caller_policy(self) -> str:
        """What the function that calls procedures may do with the warehouse."""
        return self.name("procedure-caller")


def _faults(error: ValidationError) -> str:
    faults = []
    for detail in error.errors():
        path = [str(part) for part in detail["loc"]]
        message = detail["msg"].removeprefix("Value error, ")
        if detail["type"] == "extra_forbidden":
            message = f"is not known{_nearest(path)}"
        faults.append(": ".join(part for part in (".".join(path), message) if part))
    return "; ".join(faults)


def _nearest(path: list[str]) -> str:
    model: type[BaseModel] = Deployment
    for part in path[:-1]:
        model = _MODELS[part]
    near = difflib.get_close_matches(path[-1], model.model_fields, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else f"; known: {', '.join(model.model_fields)}"


_MODELS: dict[str, type[BaseModel]] = {
    "warehouse": WarehouseSize,
    "network": Network,
    "retention": Retention,
    "alerts": Alerts,
    "slack": Slack,
    "delivery": Delivery,
    "limits": Limits,
    "sweeps": Sweeps,
    "procedures": Procedures,
    "cluster": Cluster,
    "functions": FunctionSizes,
    **dict.fromkeys(FunctionSizes.model_fields, FunctionSize),
}
