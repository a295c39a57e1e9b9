"""The transitions by name: which function of the product does each, and with which effects.

An effect is a public function of `lambdas.shared.aws`, in the order in which the product calls
them. Several that stand in one transition are one step to everybody else: all but one of them
read what nobody changes, or write what nobody else reads.
"""

from typing import NamedTuple


class Transition(NamedTuple):
    """What the product does: `by` a dotted name, `effects` names in `lambdas.shared.aws`."""

    by: str
    effects: tuple[str, ...]


_ROUTER = "lambdas.route.router.Router"
_CLAIM = "lambdas.claim.claiming"
_UPSERT = "lambdas.upsert.loading.Loading"
_SETTLE = "lambdas.settle.settling.Settling"
_SWEEP = "lambdas.sweep.sweeping.Sweeping"
_UNSEEN = "lambdas.shared.unseen"
_START = "lambdas.shared.starting.start_open_generation"

TRANSITIONS: dict[str, Transition] = {
    # route: a message is received with its first effect and acknowledged with its last
    "route.order": Transition(f"{_ROUTER}._in_order", ("Objects.versions", "Ledger.versions_of")),
    "route.put older": Transition(f"{_ROUTER}._in_order", ("Ledger.pool_file",)),
    "route.put": Transition(f"{_ROUTER}._admit", ("Ledger.pool_file",)),
    "route.replay": Transition(f"{_ROUTER}._replay", ("Ledger.versions_of", "Ledger.pool_file")),
    "route.replay refused": Transition(f"{_ROUTER}._replay", ("Ledger.versions_of",)),
    "route.generation": Transition(_START, ("Ledger.generation",)),
    "route.start": Transition(_START, ("Workflow.start",)),
    "route.raise": Transition(f"{_ROUTER}._raise_after_failure", ("Ledger.raise_generation",)),
    "route.look": Transition(f"{_ROUTER}._raise_after_failure", ("Ledger.pool",)),
    "route.wake": Transition(f"{_ROUTER}._raise_after_failure", ("send",)),
    "route.waken": Transition(f"{_ROUTER}._wake", ("Ledger.pool",)),
    # claim
    "claim.lease": Transition(f"{_CLAIM}._lease", ("Ledger.take_lease",)),
    "claim.take over": Transition(
        f"{_CLAIM}._lease",
        ("Ledger.take_lease", "Ledger.lease", "is_closed", "Ledger.take_lease"),
    ),
    "claim.wait": Transition(
        f"{_CLAIM}._lease", ("Ledger.take_lease", "Ledger.lease", "is_closed")
    ),
    "claim.lease freed meanwhile": Transition(
        f"{_CLAIM}._lease", ("Ledger.take_lease", "Ledger.lease", "Ledger.take_lease")
    ),
    "claim.take over too late": Transition(
        f"{_CLAIM}._lease", ("Ledger.take_lease", "Ledger.lease", "is_closed", "Ledger.take_lease")
    ),
    "claim.raise": Transition(f"{_CLAIM}.claim", ("Ledger.raise_generation",)),
    "claim.pool": Transition(f"{_CLAIM}.claim", ("Ledger.pool",)),
    "claim.list": Transition(f"{_UNSEEN}.put_all_older", ("Objects.page_of_versions",)),
    "claim.list older": Transition(
        f"{_UNSEEN}.put_all_older", ("Objects.versions", "Ledger.versions_of")
    ),
    "claim.put older": Transition(f"{_UNSEEN}.put_all_older", ("Ledger.pool_file",)),
    "claim.exists": Transition(f"{_CLAIM}._copy", ("Objects.exists",)),
    "claim.copy": Transition(f"{_CLAIM}._copy", ("Objects.copy_version",)),
    "claim.exists after all": Transition(f"{_CLAIM}._copy", ("Objects.exists",)),
    "claim.write": Transition(f"{_CLAIM}.claim", ("Objects.put_json",)),
    # infer_schema
    "infer.write": Transition(
        "lambdas.infer_schema.batch.infer_batch",
        ("Objects.get_json", "Objects.put_json"),
    ),
    # upsert
    "upsert.plan": Transition(
        "lambdas.upsert.preparing.Preparation.attempt",
        (
            "Objects.find_json",
            "Objects.get_json",
            "Warehouse.run",
            "Objects.put_json_if_absent",
        ),
    ),
    "upsert.read plan": Transition(
        "lambdas.upsert.preparing.Preparation.attempt", ("Objects.find_json",)
    ),
    "upsert.submit": Transition(
        f"{_UPSERT}._submit", ("Objects.put", "Objects.put_json", "Warehouse.submit_batch")
    ),
    "upsert.poll": Transition(f"{_UPSERT}.advance", ("Warehouse.wait",)),
    "upsert.decide": Transition(f"{_UPSERT}.advance", ("Warehouse.wait", "Objects.put_json")),
    "upsert.read history": Transition(
        f"{_UPSERT}.advance",
        (
            "Warehouse.wait",
            "Objects.get_json",
            "Warehouse.run",
            "Objects.put_json",
        ),
    ),
    "upsert.try again": Transition(f"{_UPSERT}.advance", ("Warehouse.wait",)),
    "upsert.reject": Transition(f"{_UPSERT}.advance", ("Warehouse.wait", "Warehouse.run")),
    "upsert.narrow": Transition(f"{_UPSERT}.advance", ("Warehouse.wait", "Objects.put_json")),
    # settle
    "settle.read": Transition(f"{_SETTLE}._verdicts", ("Objects.get_json",)),
    "settle.put aside": Transition(f"{_SETTLE}._put_aside", ("Objects.put_json", "Objects.copy")),
    "settle.clear": Transition(f"{_SETTLE}._clear", ("Objects.delete_versions",)),
    "settle.project": Transition(f"{_SETTLE}._apply", ("Ledger.project",)),
    "settle.look": Transition(f"{_SETTLE}.settle", ("Ledger.pool",)),
    "settle.release": Transition(f"{_SETTLE}._release", ("Ledger.release_lease",)),
    "settle.look again": Transition(f"{_SETTLE}._release", ("Ledger.pool",)),
    "settle.generation": Transition(_START, ("Ledger.generation",)),
    "settle.start": Transition(_START, ("Workflow.start",)),
    "abandon.release": Transition(f"{_SETTLE}.abandon", ("Ledger.release_lease",)),
    # sweep
    "sweep.look": Transition(f"{_SWEEP}._look_through", ("Objects.page_of_versions",)),
    "sweep.clear": Transition(f"{_SWEEP}._clear", ("Objects.delete_version",)),
    "sweep.send": Transition(f"{_SWEEP}._handle", ("send_all",)),
    "sweep.look at pool": Transition(f"{_SWEEP}._is_abandoned", ("Ledger.pool",)),
    "sweep.look at job": Transition(
        f"{_SWEEP}._is_abandoned", ("Ledger.pool", "Ledger.generation", "Workflow.has_closed")
    ),
    "sweep.raise": Transition(f"{_SWEEP}._is_abandoned", ("Ledger.raise_generation",)),
    "sweep.wake": Transition(f"{_SWEEP}.sweep", ("send_all",)),
}

QUIET = {
    # people are told
    "Alerts.publish",
    "Ledger.record_load",
    # counted and remembered for people, and for no other step's rows
    "Ledger.count_failure",
    "Ledger.failures",
    "Ledger.forget_failures",
    "Ledger.is_new",
    "Ledger.keep_sweep_position",
    "Ledger.sweep_position",
    # of each version that is listed; read together with the listing
    "LedgerView.entries",
    # of raw copies, which never change, and of what was just run
    "Objects.get_range",
    "Warehouse.rows",
}
"""Effects that move nothing in the model, wherever the product has them."""

LEFT_OUT = {
    # reads the jobs, which stay as they are here
    "lambdas.shared.jobs.load_job_configurations",
    # looks for a copy of what is gone: where one is made meanwhile, older ones were put before
    "lambdas.shared.unseen._has_place",
    # starts what a job calls after a load, by a name of the batch: another machine's concern
    "lambdas.settle.settling.Settling._start_calls",
}
"""Functions whose effects are no part of the protocol."""
