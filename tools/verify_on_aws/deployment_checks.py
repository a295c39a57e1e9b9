"""What a deployment made by calls of its own, as the account shows it."""

from typing import Any

import boto3

from config.deployment import Deployment
from tools.verify_on_aws.checks import Check, Finding
from tools.verify_on_aws.scratch import NotAskedError, Scratch


def _daily_limit(scratch: Scratch) -> Finding:
    deployment = Deployment.load(scratch.environment.name)
    size = deployment.warehouse
    if size.daily_rpu_hours is None:
        raise NotAskedError("the environment's file has no daily_rpu_hours")
    stacks: Any = boto3.client("cloudformation")
    pages = stacks.get_paginator("list_stack_resources").paginate(
        StackName=deployment.name("warehouse")
    )
    (limit_id,) = (
        each["PhysicalResourceId"]
        for page in pages
        for each in page["StackResourceSummaries"]
        if each["ResourceType"] == "Custom::UsageLimit"
    )
    serverless: Any = boto3.client("redshift-serverless")
    limit = serverless.get_usage_limit(usageLimitId=limit_id)["usageLimit"]
    return Finding(
        holds=(limit["usageType"], limit["period"], limit["amount"], limit["breachAction"])
        == ("serverless-compute", "daily", size.daily_rpu_hours, size.breach_action),
        observed=f"{limit['period']}: {limit['amount']} RPU-hours, then {limit['breachAction']}",
    )


CHECKS = (
    Check(
        name="daily limit",
        expected="the workgroup has the daily limit of the environment's file",
        otherwise="a day's bill has no end but max_rpu; somebody changed the limit by hand, or"
        " limit_usage did not do what it said",
        ask=_daily_limit,
    ),
)
